/* tsan_planted — a race of an actor's thread with the thread that made it, on purpose: run under tsan.sh, which must
 * fail. A suppression that is too wide, and so hides our own races, is noticed by this. */
#include <czmq.h>

static int s_shared;

static void s_run(zsock_t *pipe, void *args)
{
    (void)args;
    zsock_signal(pipe, 0);
    s_shared++;
    free(zstr_recv(pipe));
}

int main(void)
{
    zactor_t *actor = zactor_new(s_run, NULL);
    s_shared++; /* nothing says whether this is the first or the second */
    zstr_send(actor, "$TERM");
    zactor_destroy(&actor);
    return s_shared == 2 ? 0 : 1;
}
