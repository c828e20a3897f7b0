#include "proto/address.h"

#include <stdio.h>
#include <string.h>

static const char *const s_names[] = {
    [ROLE_NONE] = "none",       [ROLE_EDGE] = "edge",         [ROLE_ROOM] = "room",
    [ROLE_PERSIST] = "persist", [ROLE_ACCOUNTS] = "accounts",
};

enum { ROLES = sizeof s_names / sizeof s_names[0] };

address_t address_make(role_t role, uint16_t instance, uint32_t nonce)
{
    return (address_t)role << 60 | (address_t)instance << 32 | nonce;
}

role_t address_role(address_t a)
{
    return (role_t)(a >> 60);
}

uint16_t address_instance(address_t a)
{
    return (uint16_t)(a >> 32);
}

uint32_t address_nonce(address_t a)
{
    return (uint32_t)a;
}

address_t address_stable(address_t a)
{
    return a & ~(address_t)UINT32_MAX;
}

bool address_is_same_node(address_t a, address_t b)
{
    return address_stable(a) == address_stable(b);
}

uint64_t address_node(address_t a)
{
    return (uint64_t)address_role(a) << 16 | address_instance(a);
}

address_t address_from_node(uint64_t node)
{
    return address_make((role_t)(node >> 16 & 0xf), (uint16_t)node, 0);
}

const char *role_name(role_t role)
{
    return s_names[(unsigned)role < ROLES ? role : ROLE_NONE];
}

void address_print(address_t a, char text_out[ADDRESS_TEXT_MAX])
{
    snprintf(text_out, ADDRESS_TEXT_MAX, "%s/%u", role_name(address_role(a)),
             (unsigned)address_instance(a));
}

/* Decimal digits only and no leading zero, so that two texts never mean one address. */
static bool s_parse_instance(const char *text, uint16_t *instance_out)
{
    uint32_t value = 0;
    if (!*text || (text[0] == '0' && text[1]))
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (uint32_t)(*text - '0');
        if (value > UINT16_MAX)
            return false;
    }
    *instance_out = (uint16_t)value;
    return true;
}

bool address_parse(const char *text, address_t *address_out)
{
    for (unsigned role = ROLE_NONE + 1; role < ROLES; role++) {
        size_t len = strlen(s_names[role]);
        uint16_t instance;
        if (strncmp(text, s_names[role], len) != 0 || text[len] != '/')
            continue;
        if (!s_parse_instance(text + len + 1, &instance))
            return false;
        *address_out = address_make((role_t)role, instance, 0);
        return true;
    }
    return false;
}
