/* http_form — fields of a JSON body, each within its bounds. Pure. */
#ifndef ROOKERY_EDGE_HTTP_FORM_H
#define ROOKERY_EDGE_HTTP_FORM_H

#include <jansson.h>

#include "proto/codec.h"

/* The object, the caller's to json_decref; NULL: malformed, a doubled key, or another value. */
json_t *http_form_read(view_t body);
/* The text borrows from the form. needed: false: "" when the key is missing. False: missing, no text, or longer. */
bool http_form_text(const json_t *form, const char *key, bool needed, size_t bytes_max, view_t *text_out);
/* A whole number from 0 to max; fallback when the key is missing. */
bool http_form_number(const json_t *form, const char *key, uint64_t fallback, uint64_t max, uint64_t *number_out);
/* Every key of the form is one of these; the list ends with NULL. */
bool http_form_has_only(const json_t *form, const char *const *keys);

#endif
