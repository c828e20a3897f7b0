/* messages_undef — after an expansion of messages.def: every macro of the table stands for nothing again, so
 * that the next expansion defines only what it wants. Meant to be included many times. */
#undef MSG
#undef MSG_END
#undef REC
#undef REC_END
#undef KIND
#undef KIND_END
#undef U53
#undef UINT
#undef BOOL
#undef CID
#undef STR
#undef BIN
#undef RAW
#undef CODE
#undef LIST
#define MSG(code, NAME, name, who, doc)
#define MSG_END(name)
#define REC(name, doc)
#define REC_END(name)
#define KIND(number, NAME, name, doc)
#define KIND_END(name)
#define U53(field, doc)
#define UINT(field, max, doc)
#define BOOL(field, doc)
#define CID(field, doc)
#define STR(field, max, doc)
#define BIN(field, max, doc)
#define RAW(field, max, doc)
#define CODE(field, doc)
#define LIST(field, rec, max, doc)
