/* accounts_rules — which names and passwords a sign-up may choose. Pure but for the C library's character tables. */
#ifndef ROOKERY_ACTORS_ACCOUNTS_RULES_H
#define ROOKERY_ACTORS_ACCOUNTS_RULES_H

#include "proto/codec.h"

/* ERR_BAD_NAME unless 1 to 32 letters and digits of any script, spaces or . _ -, no space at either end and no two
 * in a row. Signs that nobody sees (fillers, joiners, direction marks) are no letters here. Case is kept as
 * chosen; that no two names differ in case only is persist's to see. */
err_t accounts_check_name(view_t name);

/* ERR_WEAK_PASSWORD unless 8 to 128 bytes that are neither very common, one character over and over, nor the name. */
err_t accounts_check_password(view_t password, view_t name);

#endif
