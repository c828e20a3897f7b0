/* address — which actor: role, instance, and the nonce of its boot, in 8 bytes.
 *
 * Layout: role in bits 60-63, instance in bits 32-47, nonce in bits 0-31. "room/3" is the printed form; the
 * stable part (role and instance) is the ZeroMQ routing id and the `node` of the directory. */
#ifndef ROOKERY_PROTO_ADDRESS_H
#define ROOKERY_PROTO_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t address_t;

/* At most 7 roles: a stable address must fit 53 bits once shifted; see address_node. */
typedef enum { ROLE_NONE = 0, ROLE_EDGE = 1, ROLE_ROOM = 2, ROLE_PERSIST = 3, ROLE_ACCOUNTS = 4 } role_t;

enum { ADDRESS_TEXT_MAX = 24 }; /* "accounts/65535" and NUL */

address_t address_make(role_t role, uint16_t instance, uint32_t nonce);
role_t address_role(address_t a);
uint16_t address_instance(address_t a);
uint32_t address_nonce(address_t a);
address_t address_stable(address_t a);              /* the same without its nonce */
bool address_is_same_node(address_t a, address_t b); /* equal but for the nonce */

/* Stable part as a number below 2^53 for messages and rows (role << 16 | instance), and back. */
uint64_t address_node(address_t a);
address_t address_from_node(uint64_t node);

const char *role_name(role_t role);                  /* "edge"; "none" for an unknown one */
void address_print(address_t a, char text_out[ADDRESS_TEXT_MAX]);
bool address_parse(const char *text, address_t *address_out);

#endif
