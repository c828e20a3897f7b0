/* table — a receipt as the Markdown table of bench/README.md. */
#ifndef ROOKERY_BENCH_TABLE_H
#define ROOKERY_BENCH_TABLE_H

#include <stdbool.h>
#include <stdio.h>

/* False, after a sentence on stderr: no such file, or no receipt. */
bool table_print(const char *receipt_path, FILE *out);

#endif
