/* What accounts tells the audit log by itself: that somebody guesses passwords. */
#include "actors/accounts_flows_impl.h"

#include <stdio.h>

#include "actors/runtime/log.h"

void accounts_note_burst(struct accounts *self, uint64_t key, uint64_t user, view_t address)
{
    char detail[LIM_AUDIT_DETAIL_BYTES_MAX + 1];
    int64_t now_ms = actor_now_ms(self->actor);
    if (accounts_throttle_charge(self->bursts, key, now_ms))
        return; /* it was noted a while ago */
    snprintf(detail, sizeof detail, "from %.*s", (int)address.len, (const char *)address.bytes);
    log_warn("accounts: too many failed sign-ins: %s", detail);
    struct request request = {.what = STEP_AUDIT, .deadline_ms = now_ms + LIM_REQUEST_MS};
    if (requests_add(self->requests, &request) != ERR_OK)
        return; /* the log line stays */
    struct msg msg = {.type = MSG_STORE_AUDIT_ADD, .as.store_audit_add = {
        .action = view_of_text("sign_in_failures"), .subject = user, .detail = view_of_text(detail),
        .at_ms = (uint64_t)actor_utc_ms(self->actor)}};
    struct envelope env = {.correlation = request.correlation, .deadline_ms = LIM_REQUEST_MS};
    if (actor_send(self->actor, self->persist, &env, &msg) != ERR_OK)
        requests_take(self->requests, request.correlation, &request);
}
