#include "actors/room_ask.h"

#include <stddef.h>
#include <string.h>

static bool s_is_blank(view_t text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.bytes[i] != ' ' && text.bytes[i] != '\t' && text.bytes[i] != '\n')
            return false;
    return true;
}

static err_t s_check_text(view_t text)
{
    return s_is_blank(text) ? ERR_EMPTY : ERR_OK;
}

static err_t s_check_name(view_t name)
{
    if (s_is_blank(name))
        return ERR_EMPTY;
    return text_char_count(name) > LIM_ROOM_NAME_CHARS_MAX ? ERR_OUT_OF_RANGE : ERR_OK;
}

err_t room_ask_set_body(struct room_ask *ask, const void *body)
{
    buffer_t out;
    buffer_init(&out, sizeof ask->body);
    err_t err = kind_encode(ask->kind, body, &out);
    ask->body_len = out.len;
    if (!err)
        memcpy(ask->body, out.bytes, out.len);
    buffer_fini(&out);
    return err;
}

static err_t s_read_create(const struct envelope *env, const struct msg_room_create *create, struct room_ask *ask)
{
    bool is_usual = create->history == history_usual(create->visibility);
    struct kind_room_created usual = {.name = create->name, .topic = create->topic,
                                      .visibility = create->visibility};
    struct kind_founded other = {.name = create->name, .topic = create->topic, .visibility = create->visibility,
                                 .history = create->history};
    ask->kind = is_usual ? KIND_ROOM_CREATED : KIND_FOUNDED;
    ask->room = env->key;
    ask->client_id = create->client_id;
    ask->refused = s_check_name(create->name);
    return room_ask_set_body(ask, is_usual ? (const void *)&usual : &other);
}

static err_t s_read_direct(const struct envelope *env, const struct msg_room_direct *direct, struct room_ask *ask)
{
    ask->kind = KIND_DIRECT_CREATED;
    ask->room = env->key;
    ask->client_id = direct->client_id;
    ask->member_count = direct_members(env->user, direct->users, ask->members);
    ask->refused = ask->member_count ? ERR_OK : ERR_OUT_OF_RANGE;
    list_writer_t list;
    list_writer_init(&list, LIM_EVENT_BODY_BYTES_MAX);
    err_t err = ERR_OK;
    for (size_t i = 0; !err && i < ask->member_count; i++)
        err = rec_id_append(&list, &(struct rec_id){.id = ask->members[i]});
    if (!err)
        err = room_ask_set_body(ask, &(struct kind_direct_created){.members = list_of(&list)});
    list_writer_fini(&list);
    return err;
}

/* What is asked to be changed of the room itself. */
static err_t s_read_setting(const struct msg *msg, struct room_ask *ask)
{
    switch (msg->type) {
    case MSG_ROOM_RENAME:
        ask->kind = KIND_RENAMED;
        ask->refused = s_check_name(msg->as.room_rename.name);
        return room_ask_set_body(ask, &(struct kind_renamed){.name = msg->as.room_rename.name});
    case MSG_ROOM_TOPIC:
        ask->kind = KIND_TOPIC_CHANGED;
        return room_ask_set_body(ask, &(struct kind_topic_changed){.topic = msg->as.room_topic.topic});
    case MSG_ROOM_ARCHIVE:
        ask->kind = KIND_ARCHIVED;
        return room_ask_set_body(ask, &(struct kind_archived){.on = msg->as.room_archive.on});
    case MSG_ROOM_HISTORY:
        ask->kind = KIND_HISTORY_CHANGED;
        return room_ask_set_body(ask, &(struct kind_history_changed){.history = msg->as.room_history.history});
    default: return ERR_UNEXPECTED;
    }
}

static err_t s_read_say(const struct msg_room_say *say, struct room_ask *ask)
{
    ask->kind = KIND_SAID;
    ask->room = say->room;
    ask->target = say->reply_to;
    ask->client_id = say->client_id;
    ask->refused = s_check_text(say->text);
    return room_ask_set_body(ask, &(struct kind_said){.text = say->text, .mentions = say->mentions});
}

/* Of the files their ids, each once; what else the line says of them, the store knows. */
static err_t s_read_share(const struct msg_room_share *share, struct room_ask *ask)
{
    list_t files = share->files;
    struct rec_id id;
    uint64_t seen[LIM_LINE_FILES_MAX];
    size_t count = 0;
    list_writer_t list;
    ask->kind = KIND_SHARED;
    ask->room = share->room;
    ask->target = share->reply_to;
    ask->client_id = share->client_id;
    ask->refused = files.count ? ERR_OK : ERR_EMPTY;
    list_writer_init(&list, LIM_EVENT_BODY_BYTES_MAX);
    err_t err = ERR_OK;
    while (!err && rec_id_next(&files, &id)) {
        for (size_t i = 0; i < count; i++)
            if (seen[i] == id.id)
                ask->refused = ERR_OUT_OF_RANGE;
        seen[count++] = id.id;
        err = rec_file_info_append(&list, &(struct rec_file_info){.file = id.id});
    }
    if (!err)
        err = room_ask_set_body(ask, &(struct kind_shared){.text = share->text, .mentions = share->mentions, .files = list_of(&list)});
    list_writer_fini(&list);
    return err;
}

static err_t s_read_revise(const struct msg_room_revise *revise, struct room_ask *ask)
{
    ask->kind = KIND_REVISED;
    ask->room = revise->room;
    ask->target = revise->target;
    ask->client_id = revise->client_id;
    ask->refused = s_check_text(revise->text);
    return room_ask_set_body(ask, &(struct kind_revised){.text = revise->text, .mentions = revise->mentions});
}

static err_t s_read_react(const struct msg_room_react *react, struct room_ask *ask)
{
    ask->kind = KIND_REACTED;
    ask->room = react->room;
    ask->target = react->target;
    ask->client_id = react->client_id;
    ask->refused = emoji_is_sound(react->emoji) ? ERR_OK : ERR_OUT_OF_RANGE;
    return room_ask_set_body(ask, &(struct kind_reacted){.emoji = react->emoji, .on = react->on});
}

static err_t s_read_pin(const struct msg_room_pin *pin, struct room_ask *ask)
{
    ask->kind = KIND_PINNED;
    ask->room = pin->room;
    ask->target = pin->target;
    ask->client_id = pin->client_id;
    return room_ask_set_body(ask, &(struct kind_pinned){.on = pin->on});
}

/* What one person asks to be done to another. */
static err_t s_read_change(const struct msg *msg, struct room_ask *ask)
{
    const cid_t *client_id;
    if (!msg_request_head(msg, &ask->room, &client_id))
        return ERR_UNEXPECTED;
    ask->client_id = *client_id;
    switch (msg->type) {
    case MSG_ROOM_REMOVE:
        ask->kind = KIND_REMOVED;
        ask->whom = msg->as.room_remove.member;
        return room_ask_set_body(ask, &(struct kind_removed){.member = ask->whom});
    case MSG_ROOM_BAN:
        ask->kind = KIND_BANNED;
        ask->whom = msg->as.room_ban.member;
        return room_ask_set_body(ask, &(struct kind_banned){.member = ask->whom});
    case MSG_ROOM_UNBAN:
        ask->kind = KIND_UNBANNED;
        ask->whom = msg->as.room_unban.member;
        return room_ask_set_body(ask, &(struct kind_unbanned){.member = ask->whom});
    case MSG_ROOM_ROLE:
        ask->kind = KIND_ROLE_CHANGED;
        ask->whom = msg->as.room_role.member;
        return room_ask_set_body(ask, &(struct kind_role_changed){.member = ask->whom, .role = msg->as.room_role.role});
    case MSG_ROOM_MUTE:
        ask->kind = KIND_MUTED;
        ask->whom = msg->as.room_mute.member;
        return room_ask_set_body(ask, &(struct kind_muted){.member = ask->whom, .muted = msg->as.room_mute.muted});
    case MSG_ROOM_INVITE:
        ask->kind = KIND_ADDED;
        ask->whom = ask->members[0] = msg->as.room_invite.member;
        ask->member_count = 1;
        return room_ask_set_body(ask, &(struct kind_added){.member = ask->whom});
    default: return s_read_setting(msg, ask);
    }
}

err_t room_ask_read(const struct envelope *env, const struct msg *msg, struct room_ask *ask)
{
    memset(ask, 0, offsetof(struct room_ask, body));
    switch (msg->type) {
    case MSG_ROOM_POST: {
        const struct msg_room_post *post = &msg->as.room_post;
        ask->kind = KIND_POSTED;
        ask->room = post->room;
        ask->client_id = post->client_id;
        ask->refused = s_check_text(post->text);
        return room_ask_set_body(ask, &(struct kind_posted){.text = post->text});
    }
    case MSG_ROOM_EDIT: {
        const struct msg_room_edit *edit = &msg->as.room_edit;
        ask->kind = KIND_EDITED;
        ask->room = edit->room;
        ask->target = edit->target;
        ask->client_id = edit->client_id;
        ask->refused = s_check_text(edit->text);
        return room_ask_set_body(ask, &(struct kind_edited){.text = edit->text});
    }
    case MSG_ROOM_DELETE:
        ask->kind = KIND_DELETED;
        ask->room = msg->as.room_delete.room;
        ask->target = msg->as.room_delete.target;
        ask->client_id = msg->as.room_delete.client_id;
        return room_ask_set_body(ask, &(struct kind_deleted){0});
    case MSG_ROOM_JOIN:
        ask->kind = KIND_JOINED;
        ask->room = msg->as.room_join.room;
        ask->client_id = msg->as.room_join.client_id;
        return room_ask_set_body(ask, &(struct kind_joined){.role = 0});
    case MSG_ROOM_LEAVE:
        ask->kind = KIND_LEFT;
        ask->room = msg->as.room_leave.room;
        ask->client_id = msg->as.room_leave.client_id;
        return room_ask_set_body(ask, &(struct kind_left){0});
    case MSG_ROOM_CREATE: return s_read_create(env, &msg->as.room_create, ask);
    case MSG_ROOM_DIRECT: return s_read_direct(env, &msg->as.room_direct, ask);
    case MSG_ROOM_SAY: return s_read_say(&msg->as.room_say, ask);
    case MSG_ROOM_SHARE: return s_read_share(&msg->as.room_share, ask);
    case MSG_ROOM_REVISE: return s_read_revise(&msg->as.room_revise, ask);
    case MSG_ROOM_REACT: return s_read_react(&msg->as.room_react, ask);
    case MSG_ROOM_PIN: return s_read_pin(&msg->as.room_pin, ask);
    default: return s_read_change(msg, ask);
    }
}
