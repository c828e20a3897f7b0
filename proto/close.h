/* close — the codes with which the server closes a WebSocket, from close.def. */
#ifndef ROOKERY_PROTO_CLOSE_H
#define ROOKERY_PROTO_CLOSE_H

enum close_code {
#define CLOSE(name, code, then, doc) CLOSE_##name = code,
#include "proto/close.def"
#undef CLOSE
};

#endif
