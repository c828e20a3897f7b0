/* ROOKERY_ONLY=test_name in the environment: this program runs that one of its tests, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void s_choose(void)
{
    const char *name = getenv("ROOKERY_ONLY");
    if (name && name[0])
        cmocka_set_test_filter(name);
}
