/* http_static — the pure rules of serving the web client; http.h has the rest. */
#ifndef ROOKERY_EDGE_HTTP_STATIC_H
#define ROOKERY_EDGE_HTTP_STATIC_H

#include "proto/codec.h"

const char *http_static_type(const char *path);
bool http_static_is_immutable(const char *path); /* its name changes with its content */
bool http_static_is_page(const char *path);      /* may be a route of the client: its last part has no dot */
bool http_static_etag_matches(view_t if_none_match, const char *etag);

#endif
