#include "edge/proxies.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t s_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static bool s_read(view_t text, struct in6_addr *out)
{
    char copy[ADDRESS_PRINTED_MAX];
    while (text.len > 0 && text.bytes[0] == ' ')
        text = view_of(text.bytes + 1, text.len - 1);
    while (text.len > 0 && text.bytes[text.len - 1] == ' ')
        text.len--;
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.bytes, text.len);
    copy[text.len] = '\0';
    memcpy(out->s6_addr, s_mapped, sizeof s_mapped);
    return inet_pton(AF_INET, copy, out->s6_addr + sizeof s_mapped) == 1 || inet_pton(AF_INET6, copy, out) == 1;
}

err_t proxies_read(struct proxies *self, const char *list)
{
    self->count = 0;
    for (const char *at = list; at && *at; at += *at == ',') {
        size_t len = strcspn(at, ",");
        if (self->count == PROXIES_MAX || !s_read(view_of(at, len), &self->addresses[self->count]))
            return ERR_OUT_OF_RANGE;
        self->count++;
        at += len;
    }
    return ERR_OK;
}

bool proxies_have_address(const struct proxies *self, const struct in6_addr *address)
{
    for (size_t i = 0; i < self->count; i++)
        if (memcmp(&self->addresses[i], address, sizeof *address) == 0)
            return true;
    return false;
}

bool proxies_have(const struct proxies *self, view_t text)
{
    struct in6_addr address;
    return s_read(text, &address) && proxies_have_address(self, &address);
}

struct in6_addr address_of_peer(const struct sockaddr_storage *peer)
{
    struct in6_addr out = {0};
    if (peer->ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, peer, sizeof v6);
        return v6.sin6_addr;
    }
    if (peer->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, peer, sizeof v4);
        memcpy(out.s6_addr, s_mapped, sizeof s_mapped);
        memcpy(out.s6_addr + sizeof s_mapped, &v4.sin_addr, 4);
    }
    return out;
}

void address_text(const struct in6_addr *address, char text_out[ADDRESS_PRINTED_MAX])
{
    bool v4 = memcmp(address->s6_addr, s_mapped, sizeof s_mapped) == 0;
    text_out[0] = '\0';
    (void)inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address->s6_addr + sizeof s_mapped : address->s6_addr, text_out,
                    ADDRESS_PRINTED_MAX);
}
