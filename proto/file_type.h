/* file_type — what a file is by its first bytes: one of the four kinds of images that a browser may show, with its size
 * as it is shown, or none of them. What its author says it is proves nothing.
 *
 * Pure. Runs on: any thread. Bounds: looks at the bytes given, each at most a few times; a JPEG's segments are walked at
 * most FILE_TYPE_SEGMENTS_MAX far. */
#ifndef ROOKERY_PROTO_FILE_TYPE_H
#define ROOKERY_PROTO_FILE_TYPE_H

#include "proto/codec.h"

enum { FILE_TYPE_SEGMENTS_MAX = 256 };

struct file_type {
    const char *type;       /* "image/png", "image/jpeg", "image/gif", "image/webp"; NULL: none of these */
    uint32_t width, height; /* pixels, turned as its EXIF says; both 0: not to be found in these bytes, or too large */
};

/* bytes: the beginning of the file, as much as there is. */
struct file_type file_type_of(view_t bytes);

/* The type to store for a file that is no such image: what its author says, if it is well formed and does not claim to be
 * an image; else application/octet-stream. Borrows said. */
view_t file_type_said(view_t said);

/* May it stand as a file's name: not empty, one line, no path, within LIM_FILE_NAME_BYTES_MAX? */
bool file_name_is_sound(view_t name);

#endif
