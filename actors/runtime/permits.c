#include "actors/runtime/permits.h"

#include "proto/messages.h"

enum { E = 1 << ROLE_EDGE, R = 1 << ROLE_ROOM, P = 1 << ROLE_PERSIST, A = 1 << ROLE_ACCOUNTS, ANY = E | R | P | A };

struct permit {
    uint16_t type;
    unsigned from, to; /* roles */
};

static const struct permit s_permits[] = {
    {MSG_LINK_HELLO, ANY, ANY},
    {MSG_LINK_TICK, ANY, ANY},
    {MSG_ERR, ANY, ANY}, /* the answer to anything */

    /* what browsers say, through their edge, to the owner of a room or an inbox */
    {MSG_ROOM_POST, E, R},
    {MSG_ROOM_EDIT, E, R},
    {MSG_ROOM_DELETE, E, R},
    {MSG_ROOM_JOIN, E, R},
    {MSG_ROOM_LEAVE, E, R},
    {MSG_ROOM_CREATE, E, R},
    {MSG_ROOM_SAY, E, R},
    {MSG_ROOM_REVISE, E, R},
    {MSG_ROOM_REACT, E, R},
    {MSG_ROOM_PIN, E, R},
    {MSG_ROOM_REMOVE, E, R},
    {MSG_ROOM_BAN, E, R},
    {MSG_ROOM_UNBAN, E, R},
    {MSG_ROOM_ROLE, E, R},
    {MSG_ROOM_MUTE, E, R},
    {MSG_ROOM_ATTACH, E, R},
    {MSG_ROOM_DETACH, E, R},
    {MSG_ROOM_INFO_GET, E, R},
    {MSG_ROOM_MEMBERS_GET, E, R},
    {MSG_ROOM_RESTRICTED_GET, E, R},
    {MSG_ROOM_PAGE_GET, E, R},
    {MSG_ROOM_LINES_GET, E, R},
    {MSG_ROOM_PINS_GET, E, R},
    {MSG_ROOM_EXPORT_GET, E, R},
    {MSG_INBOX_OPEN, E, R},
    {MSG_INBOX_CLOSE, E, R},
    {MSG_READ, E, R},
    {MSG_UNREAD_FROM, E, R},
    {MSG_NOTIFY, E, R},
    {MSG_GONE_GET, E, R},
    {MSG_ROOM_MEMBERS_FIND, E, R},
    {MSG_TYPING, E, R},

    /* what rooms tell edges, and each other */
    {MSG_EVENT, R, E},
    {MSG_HEADS, R, E},
    {MSG_ACK, R, E},
    {MSG_NACK, R, E},
    {MSG_KICK, R, E},
    {MSG_READ_AT, R, E},
    {MSG_TYPISTS, R, E},
    {MSG_PRESENCE, R, E},
    {MSG_ROOM_ADDED, R, E},
    {MSG_ROOM_REMOVED, R, E},
    {MSG_ROOM_ATTACHED, R, E},
    {MSG_ROOM_INFO, R, E},
    {MSG_INBOX, R, E},
    {MSG_INBOX_MEMBER, R, R},
    {MSG_INBOX_MEMBER_OK, R, R},
    {MSG_SHARDS_WANT, R, R},
    {MSG_SHARDS_GIVEN, R, R},
    {MSG_INBOX_MENTION, R, R},
    {MSG_INBOX_MENTION_OK, R, R},
    {MSG_MENTIONED, R, E},
    {MSG_NOTIFIED, R, E},
    {MSG_GONE, R, E},

    /* questions to the store */
    {MSG_STORE_APPEND, R, P},
    {MSG_STORE_ROOM_GET, R, P},
    {MSG_STORE_ROOM_LOST, R, P},
    {MSG_STORE_EVENT_GET, R, P},
    {MSG_STORE_DELTA_GET, R, P},
    {MSG_STORE_PAGE_GET, R, P},
    {MSG_STORE_LINES_GET, R, P},
    {MSG_STORE_PINS_GET, R, P},
    {MSG_STORE_MENTIONS_GET, R, P},
    {MSG_STORE_INBOX_GET, R, P},
    {MSG_STORE_READS, R, P},
    {MSG_STORE_PLACE_SET, R, P},
    {MSG_STORE_MEMBERS_FIND, R, P},
    {MSG_STORE_MEMBERS_GET, R, P},
    {MSG_STORE_RESTRICTED_GET, R, P},
    {MSG_STORE_ROOMS_GET, E, P},
    {MSG_STORE_USERS_GET, E, P},
    {MSG_STORE_SEARCH, E, P},
    {MSG_STORE_SESSIONS_GET, E, P},
    {MSG_STORE_REVOCATIONS_GET, E, P},
    {MSG_STORE_SERVER_GET, E, P},
    {MSG_STORE_SERVER_SET, E, P},
    {MSG_STORE_INVITES_GET, E, P},
    {MSG_STORE_INVITE_ADD, E, P},
    {MSG_STORE_INVITE_END, E, P},
    {MSG_STORE_PROFILE_SET, E, P},
    {MSG_STORE_AVATAR_SET, E, P},
    {MSG_STORE_AVATAR_GET, E, P},
    {MSG_STORE_USERS_FIND, E, P},
    {MSG_STORE_USER_CHANGES_GET, E, P},
    {MSG_STORE_PASSWORD_RESET, A, P},
    {MSG_STORE_USER_ADD, A, P},
    {MSG_STORE_USER_BY_NAME, A, P},
    {MSG_STORE_USER_BY_ID, A, P},
    {MSG_STORE_PASSWORD_SET, A, P},
    {MSG_STORE_SESSION_ADD, A, P},
    {MSG_STORE_SESSION_ROTATE, A, P},
    {MSG_STORE_SESSION_END, A, P},
    {MSG_STORE_SESSIONS_END, A, P},
    {MSG_STORE_PASSWORD_CHANGE, A, P},
    {MSG_DIR_HELLO, E | R | A, P},
    {MSG_DIR_BEAT, E | R | A, P},
    {MSG_DIR_TAKE, R, P},
    {MSG_DIR_RELEASE, R, P},
    {MSG_DIR_GIVE, R, P},
    {MSG_DIR_LEASES_GET, E | R, P},
    {MSG_DIR_NODES_GET, E | R, P},
    {MSG_DIR_KEY_ADD, A, P},
    {MSG_ADMIN_USERS_GET, E, P},
    {MSG_ADMIN_USER_SET, E, P}, /* the store looks up whether who asks is an administrator */
    {MSG_ADMIN_SESSIONS_END, E, P},
    {MSG_ADMIN_SESSIONS_GET, E, P},
    {MSG_ADMIN_ROOMS_GET, E, P},
    {MSG_ADMIN_AUDIT_GET, E, P},
    {MSG_STORE_AUDIT_ADD, A, P},
    {MSG_NODE_STATS, E | R | A, P},
    {MSG_STATS_GET, E, P},
    {MSG_SOCKETS_GET, E, P},
    {MSG_SOCKETS_GET, P, E}, /* passed on to the edges */
    {MSG_SOCKETS, E, P},

    /* its answers */
    {MSG_STORE_APPENDED, P, R},
    {MSG_STORE_ROOM, P, R},
    {MSG_STORE_EVENT, P, R},
    {MSG_STORE_INBOX, P, R},
    {MSG_STORE_MENTIONS, P, R},
    {MSG_STORE_PLACE, P, R},
    {MSG_STORE_DELTA, P, R | E},
    {MSG_PAGE, P, R | E},
    {MSG_MEMBERS, P, R | E},
    {MSG_RESTRICTED, P, R | E},
    {MSG_SESSIONS, P, E},
    {MSG_ROOMS, P, E},
    {MSG_USERS, P, E},
    {MSG_SEARCH_RESULT, P, E},
    {MSG_STORE_REVOCATIONS, P, E},
    {MSG_SERVER_INFO, P, E},
    {MSG_INVITES, P, E},
    {MSG_AVATAR, P, E},
    {MSG_STORE_USER_CHANGES, P, E},
    {MSG_ADMIN_USERS, P, E},
    {MSG_ADMIN_ROOMS, P, E},
    {MSG_ADMIN_AUDIT, P, E},
    {MSG_STATS, P, E},
    {MSG_SOCKETS, P, E},
    {MSG_STORE_USER, P, A},
    {MSG_STORE_SESSION, P, A},
    {MSG_STORE_OK, P | R | A, E | R | A}, /* also that a read pointer or a sign-out is stored */
    {MSG_DIR_WELCOME, P, E | R | A},
    {MSG_DIR_LEASES, P, E | R},
    {MSG_DIR_NODES, P, E | R},

    /* signing in */
    {MSG_AUTH_SIGNUP, E, A},
    {MSG_AUTH_LOGIN, E, A},
    {MSG_AUTH_REFRESH, E, A},
    {MSG_AUTH_LOGOUT, E, A},
    {MSG_AUTH_SESSIONS_END, E, A},
    {MSG_AUTH_PASSWORD, E, A},
    {MSG_AUTH_SETUP, E, A},
    {MSG_AUTH_RESET, E, A},
    {MSG_AUTH_DONE, A, E},
    {MSG_AUTH_RESET_DONE, A, E},
};

bool permits_allow(role_t from, role_t to, const struct envelope *env)
{
    unsigned from_bit = 1u << from, to_bit = 1u << to;
    bool in_own_name = !env->reply_to || address_is_same_node(env->reply_to, env->from);
    if (!in_own_name && from != ROLE_ROOM)
        return false;
    for (size_t i = 0; i < sizeof s_permits / sizeof s_permits[0]; i++)
        if (s_permits[i].type == env->type && (s_permits[i].from & from_bit) && (s_permits[i].to & to_bit))
            return true;
    return false;
}
