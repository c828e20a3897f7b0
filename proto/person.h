/* person — what a user may be called and look like: rules that edges and the store share. Pure. */
#ifndef ROOKERY_PROTO_PERSON_H
#define ROOKERY_PROTO_PERSON_H

#include "proto/codec.h"

enum { PERSON_CODE_LEN = 20 };

typedef enum { PICTURE_NONE, PICTURE_PNG, PICTURE_JPEG, PICTURE_WEBP } picture_type_t; /* as in AVATAR */

/* Of a display name, or a server's: 1 to LIM_DISPLAY_CHARS_MAX characters on one line, no space at either end and no
 * two in a row, and nothing that cannot be seen or turns the direction of what follows. */
bool person_display_is_good(view_t text);

/* By its first bytes, whatever somebody says it is. PICTURE_NONE: none of these. */
picture_type_t person_picture_type(view_t bytes);
const char *person_picture_mime(picture_type_t type);

/* 100 random bits in lower case letters and digits that are not taken for each other: codes of invitations, passwords
 * for once. */
void person_code_new(char out[PERSON_CODE_LEN + 1]);

#endif
