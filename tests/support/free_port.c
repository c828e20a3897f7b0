#include "tests/support/free_port.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOWEST = 20000, COUNT = 12000, TRIES = 200 };

int free_port(void)
{
    for (int i = 0; i < TRIES; i++) {
        uint16_t number;
        if (getrandom(&number, sizeof number, 0) != sizeof number)
            break;
        int port = LOWEST + number % COUNT, fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int rc = bind(fd, (struct sockaddr *)&at, sizeof at);
        close(fd);
        if (rc == 0)
            return port;
    }
    abort();
}
