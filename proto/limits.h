/* limits — every hard bound of Rookery, unit in the name, reason beside it.
 * Hard caps only: rates and other operating limits are option rows (actors/runtime/config.h). */
#ifndef ROOKERY_PROTO_LIMITS_H
#define ROOKERY_PROTO_LIMITS_H

enum {
    PROTO_VERSION = 1, /* of messages.def; both ends of a link and browsers must agree */

    /* Text and names. */
    LIM_TEXT_BYTES_MAX = 4096,          /* a line of chat, UTF-8 */
    LIM_NAME_CHARS_MIN = 1,
    LIM_NAME_CHARS_MAX = 32,            /* a user's sign-in name, in characters */
    LIM_NAME_BYTES_MAX = 128,           /* the same in UTF-8: four bytes a character */
    LIM_DISPLAY_CHARS_MAX = 64,         /* how a user wants to be shown */
    LIM_DISPLAY_BYTES_MAX = 256,
    LIM_SERVER_NAME_CHARS_MAX = 64,
    LIM_SERVER_NAME_BYTES_MAX = 256,
    LIM_ROOM_NAME_CHARS_MAX = 64,
    LIM_ROOM_NAME_BYTES_MAX = 256,
    LIM_TOPIC_BYTES_MAX = 512,
    LIM_PASSWORD_BYTES_MIN = 8,
    LIM_PASSWORD_BYTES_MAX = 128,
    LIM_QUERY_BYTES_MAX = 128,          /* a search in the room or user directory */
    LIM_DEVICE_BYTES_MAX = 64,          /* what a browser calls itself */
    LIM_TOKEN_BYTES_MAX = 4096,         /* an access token; larger ones are refused unread */
    LIM_REASON_BYTES_MAX = 256,         /* a sentence that goes with an error */
    LIM_PASSWORD_HASH_BYTES_MAX = 128,  /* crypto_pwhash_STRBYTES */
    LIM_USER_AGENT_BYTES_MAX = 256,
    LIM_ADDRESS_BYTES_MAX = 64,         /* of a browser, as text */

    /* Frames. */
    LIM_CLIENT_FRAME_BYTES_MAX = 16 * 1024,   /* one WebSocket message from a browser */
    LIM_EVENT_BYTES_MAX = 8 * 1024,           /* one encoded event; text plus its header fit easily */
    LIM_EVENT_BODY_BYTES_MAX = 7680,          /* the body inside an event: a text and ten files with their names */
    LIM_LINK_FRAME_BYTES_MAX = 1024 * 1024,   /* one frame between actors, envelope included */
    LIM_LINK_BODY_BYTES_MAX = LIM_LINK_FRAME_BYTES_MAX - 256,
    LIM_DEPTH_MAX = 8,                        /* nesting of a message, either subprotocol */
    LIM_HTTP_BODY_BYTES_MAX = 64 * 1024,
    LIM_HTTP_HEADERS_BYTES_MAX = 8 * 1024,

    /* Lists inside messages. */
    LIM_SUBS_MAX = 512,                 /* rooms one browser resumes or shows; also rooms a user is in */
    LIM_PAGE_EVENTS_MAX = 100,          /* messages of one history page */
    LIM_PAGE_FRAMES_MAX = 512,          /* frames of one page or delta: messages, their edits and marks */
    LIM_DELTA_EVENTS_MAX = 500,         /* beyond it a resume is a snapshot */
    LIM_DELTA_BYTES_MAX = 256 * 1024,
    LIM_SNAPSHOT_MESSAGES = 50,         /* newest messages a snapshot carries */
    LIM_USERS_PAGE_MAX = 200,
    LIM_ROOMS_PAGE_MAX = 100,
    LIM_MENTIONS_MAX = 32,              /* people one line can call */
    LIM_REVOCATIONS_PAGE_MAX = 512,
    LIM_LINES_GET_MAX = 64,             /* single lines asked for at once: quotes of a screen */
    LIM_PINS_PAGE_MAX = 50,
    LIM_EXPORTS_MAX = 4,                /* rooms that one edge exports at once: each holds a page as JSON */
    LIM_EXPORTS_USER_MAX = 1,           /* of these for one person */
    LIM_EXPORT_PAGE_MS = 60000,         /* a page of an export must have been read by then */
    LIM_STORE_MENTIONS_MAX = 16384,     /* unread mentions of a user over all rooms: a link frame holds them */

    /* What hangs on a line; `marks` of one line fit a frame. */
    LIM_EMOJI_BYTES_MAX = 48,           /* one emoji: a family of four with skin tones takes 41 */
    LIM_LINE_EMOJI_MAX = 20,            /* different emoji under a line */
    LIM_LINE_REACTIONS_MAX = 400,       /* people times emoji under a line */
    LIM_ROOM_GONE_MAX = 256,            /* deleted lines a room remembers by number, for unread counts: the newest */
    LIM_UNREAD_MENTIONS_MAX = 100,      /* counted for a room; a badge says 99+ */
    LIM_SESSIONS_MAX = 100,             /* open sign-ins of one user: a further one ends the least recently used */
    LIM_SESSIONS_END_MAX = 256,         /* revoked in one transaction */

    /* People. */
    LIM_AVATAR_BYTES_MAX = 256 * 1024,  /* a picture of a user; the web client sends 256 x 256 pixels */
    LIM_INVITE_CODE_BYTES_MAX = 32,
    LIM_INVITES_MAX = 200,              /* of a server; what is expired or used up makes room */
    LIM_INVITE_USES_MAX = 100000,
    LIM_INVITE_DAYS_MAX = 366,
    LIM_PROFILE_CHANGES_MAX = 30,       /* of one user in the period below: each is told to every socket */
    LIM_PROFILE_PERIOD_MS = 3600000,
    /* Administration. */
    LIM_ADMIN_PAGE_MAX = 100,           /* users, rooms or audit rows of one answer */
    LIM_AUDIT_ACTION_BYTES_MAX = 32,
    LIM_AUDIT_DETAIL_BYTES_MAX = 256,
    LIM_AUDIT_PRUNE_ROWS = 1000,        /* taken away in one transaction */
    LIM_SOCKETS_PAGE_MAX = 200,         /* sockets of one answer */
    LIM_SOCKETS_ASKS_MAX = 32,          /* such questions that one persist node works on at once */
    LIM_SOCKETS_MS = 1000,              /* an edge that has not told its sockets by then is left out */
    LIM_HOST_BYTES_MAX = 64,
    LIM_BUILD_BYTES_MAX = 64,
    LIM_METRICS_MAX = 128,              /* rows of metrics.def */
    LIM_METRIC_NAME_BYTES_MAX = 64,
    LIM_STATS_BYTES_MAX = 32 * 1024,    /* the report of one actor */
    LIM_STATS_PAGE_BYTES_MAX = 256 * 1024, /* reports of one answer; one always fits */
    LIM_STATS_EACH_MS = 1000,
    LIM_STATS_KEEP_MS = 60000,          /* after it a silent node is forgotten */

    /* Files. */
    LIM_FILE_BYTES_MAX = 1024 * 1024 * 1024, /* of one file, whatever the option says */
    LIM_FILE_CHUNK_BYTES = 128 * 1024,  /* stored and sent in such pieces: a link's outbox holds 32 of them */
    LIM_FILE_NAME_BYTES_MAX = 200,
    LIM_FILE_TYPE_BYTES_MAX = 64,       /* "image/png" */
    LIM_FILE_SIDE_MAX = 65535,          /* pixels of a side that is believed; more: not shown as an image */
    LIM_LINE_FILES_MAX = 10,            /* files of one line */
    LIM_UPLOADS_MAX = 32,               /* at one edge: each holds a piece */
    LIM_UPLOADS_USER_MAX = 3,           /* of these for one person */
    LIM_DOWNLOADS_MAX = 128,            /* at one edge: each holds a piece */
    LIM_DOWNLOADS_USER_MAX = 12,        /* of these for one person: two tabs full of images */
    LIM_FILE_ASKS_MAX = 12,             /* pieces on their way between an edge and the store, so that nothing else waits */
    LIM_FILE_PIECE_MS = 60000,          /* a piece must have been sent, or read, by then */

    /* Search. */
    LIM_SEARCH_QUERY_BYTES_MAX = 512,
    LIM_SEARCH_TEXT_BYTES_MAX = LIM_TEXT_BYTES_MAX + LIM_LINE_FILES_MAX * (LIM_FILE_NAME_BYTES_MAX + 1), /* with names of files */
    LIM_SEARCH_WORDS_MAX = 16,          /* words of a query */
    LIM_SEARCH_ROOMS_MAX = 8,           /* rooms that a query names */
    LIM_SEARCH_QUERY_TERMS_MAX = 24,    /* of a query's words; more of them would find no fewer lines */
    LIM_SEARCH_TERMS_MAX = 1024,        /* under which one line is found: a prose text of 4,096 bytes has about 700 */
    LIM_SEARCH_PAGE_MAX = 50,           /* lines of one answer */
    LIM_SEARCH_SNIPPET_BYTES_MAX = 320, /* of a line that was found */
    LIM_SEARCH_MARKS_MAX = 16,          /* places marked in one snippet */
    LIM_SEARCH_CURSOR_BYTES_MAX = 64,
    LIM_SEARCH_STEPS_MAX = 16384,       /* entries of the index that one answer may pass */
    LIM_SEARCH_READS_MAX = 256,         /* lines that one answer may read */
    LIM_SEARCH_MS = 1500,               /* then an answer ends where it is, and the next page goes on */

    /* Rooms. */
    LIM_ROOM_MEMBERS_MAX = 20000,
    LIM_ROOM_RESTRICTED_MAX = 4096,     /* people a room keeps muted or banned */
    LIM_DIRECT_MEMBERS_MAX = 9,         /* people in a direct room, its opener among them */
    LIM_ROOM_TAIL_EVENTS_MAX = 512,     /* newest events a room keeps in memory */
    LIM_ROOM_TAIL_BYTES_MAX = 256 * 1024,
    LIM_ROOM_PENDING_MAX = 256,         /* accepted and not yet committed, per room: beyond it `overloaded` */
    LIM_ROOM_PARKED_MAX = 64,           /* operations that wait for a room to load or an old event to be read */
    LIM_TYPING_MAX = 16,                /* typists a room tells of at once */
    LIM_PRESENCE_MEMBERS_MAX = 500,     /* above it presence is a count */
    LIM_EDGES_MAX = 64,                 /* edges that attach to one room node */

    /* Batches. */
    LIM_BATCH_EVENTS_MAX = 256,
    LIM_BATCH_BYTES_MAX = 960 * 1024,   /* rows of one batch: fits one link frame with its envelope */
    LIM_COMMIT_RETRIES_MAX = 5,         /* 1205 and 1213, with jitter */

    /* Shards and nodes. */
    LIM_SHARDS = 256,                   /* fixed for ever: ids are hashed to them */
    LIM_NODES_MAX = 128,
    LIM_ROOM_NODES_MAX = 64,            /* of an installation: instances 0 … 63 */
    LIM_PROVIDERS_MAX = 8,              /* persist nodes, or accounts nodes, that one actor may choose from */
    LIM_ENDPOINT_BYTES_MAX = 256,
    LIM_PEM_BYTES_MAX = 2048,
    LIM_KEYS_MAX = 4,                   /* token keys valid at once */

    /* Links between actors. */
    LIM_LINK_HWM_FRAMES = 16384,        /* never to be hit: outboxes below it refuse first */
    LIM_LINK_OUTBOX_FRAMES = 4096,      /* per peer */
    LIM_LINK_OUTBOX_BYTES = 4 * 1024 * 1024,
    LIM_LINK_TICK_MS = 250,
    LIM_LINK_PEER_EXPIRE_MS = 4000,     /* no frame and no tick for so long: the peer's actor is gone */
    LIM_REQUESTS_MAX = 65536,           /* questions in flight of one actor */
    LIM_REQUEST_MS = 10000,             /* a question without an answer ends as `unavailable` */

    /* Leases: DESIGN.md 4. */
    LIM_LEASE_BEAT_MS = 1000,
    LIM_LEASE_SERVE_MS = 4000,          /* an owner serves within this of the sending of its last good beat */
    LIM_LEASE_DEAD_MS = 6000,           /* a contender must itself watch one beat for so long */

    /* Browsers. */
    LIM_OUTBOX_FRAMES = 256,            /* per browser: beyond it, live frames stop with `gap` */
    LIM_OUTBOX_BYTES = 256 * 1024,
    LIM_HELLO_MS = 5000,                /* from open to `hello` */
    LIM_HEARTBEAT_MS = 25000,           /* between heartbeats of a socket */
    LIM_PONG_MS = 35000,                /* silence after which a socket is closed */
    LIM_TYPING_SEND_MS = 3000,
    LIM_TYPING_EXPIRE_MS = 6000,
    LIM_UNAVAILABLE_MS = 2000,          /* a send is refused at the latest after so long without database */

    /* Time. */
    LIM_ROOM_IDLE_UNLOAD_MS = 600000,
    LIM_REVOCATION_PULL_MS = 300,
    LIM_REVOCATION_STALE_MS = 5000,
    LIM_REVOCATION_KEEP_S = 3600,       /* a row is kept for so long: the life of a token, and clocks that differ */
    LIM_REVOCATION_PRUNE_ROWS = 32,     /* each new row takes at most so many old ones away */
    LIM_ACCESS_TOKEN_S = 600,
    LIM_REFRESH_IDLE_S = 30 * 24 * 3600,
    LIM_REFRESH_ABSOLUTE_S = 90 * 24 * 3600,
    LIM_REFRESH_SUCCESSOR_MS = 30000,   /* an old refresh token gives the same successor for so long */
};

_Static_assert(LIM_TEXT_BYTES_MAX + 512 <= LIM_EVENT_BODY_BYTES_MAX, "a line and its mentions fit a body");
_Static_assert(LIM_TEXT_BYTES_MAX + 16 + LIM_MENTIONS_MAX * 10 +
                       LIM_LINE_FILES_MAX * (LIM_FILE_NAME_BYTES_MAX + LIM_FILE_TYPE_BYTES_MAX + 28) <=
                   LIM_EVENT_BODY_BYTES_MAX, "a line, its mentions and its files fit a body");
_Static_assert(LIM_FILE_ASKS_MAX * (LIM_FILE_CHUNK_BYTES + 1024) <= LIM_LINK_OUTBOX_BYTES / 2,
               "pieces of files leave half an outbox to others");
_Static_assert(LIM_LINE_EMOJI_MAX * (LIM_EMOJI_BYTES_MAX + 3) + LIM_LINE_REACTIONS_MAX * 12 +
                       LIM_MENTIONS_MAX * 10 + 128 <= LIM_EVENT_BYTES_MAX, "the marks of a line fit a frame");
_Static_assert(LIM_STORE_MENTIONS_MAX * 20 + 64 <= LIM_LINK_BODY_BYTES_MAX, "mentions of a user fit a link frame");
_Static_assert(32 * LIM_EVENT_BYTES_MAX <= LIM_DELTA_BYTES_MAX, "32 events always fit a delta");
_Static_assert(LIM_EVENT_BODY_BYTES_MAX + 256 <= LIM_EVENT_BYTES_MAX, "a body and its header fit an event");
_Static_assert(LIM_REVOCATION_KEEP_S >= 2 * LIM_ACCESS_TOKEN_S, "no token outlives the row that revokes it");
_Static_assert(LIM_AVATAR_BYTES_MAX + 1024 <= LIM_LINK_BODY_BYTES_MAX, "a picture fits a link frame");
_Static_assert(LIM_SESSIONS_MAX < LIM_SESSIONS_END_MAX, "one step ends all the sessions a user can have");
_Static_assert(LIM_METRICS_MAX * (LIM_METRIC_NAME_BYTES_MAX + 22) + LIM_NODES_MAX * 48 + 512 <= LIM_STATS_BYTES_MAX,
               "a report fits its bound");
_Static_assert(LIM_STATS_BYTES_MAX < LIM_STATS_PAGE_BYTES_MAX, "one report always fits a page");
_Static_assert(LIM_SOCKETS_PAGE_MAX * (LIM_NAME_BYTES_MAX + LIM_DEVICE_BYTES_MAX + LIM_ADDRESS_BYTES_MAX + 80) + 512 <=
                   LIM_LINK_BODY_BYTES_MAX, "sockets fit a link frame");
_Static_assert(LIM_BATCH_BYTES_MAX + 16 * 1024 <= LIM_LINK_BODY_BYTES_MAX, "a batch fits a link frame");

#endif
