#include "edge/http_form.h"

#include <string.h>

json_t *http_form_read(view_t body)
{
    json_t *form = json_loadb((const char *)body.bytes, body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (json_is_object(form))
        return form;
    json_decref(form);
    return NULL;
}

bool http_form_text(const json_t *form, const char *key, bool needed, size_t bytes_max, view_t *text_out)
{
    const json_t *value = json_object_get(form, key);
    *text_out = view_of_text("");
    if (!value)
        return !needed;
    if (!json_is_string(value) || json_string_length(value) > bytes_max)
        return false;
    *text_out = view_of(json_string_value(value), json_string_length(value));
    return true;
}

bool http_form_number(const json_t *form, const char *key, uint64_t fallback, uint64_t max, uint64_t *number_out)
{
    const json_t *value = json_object_get(form, key);
    *number_out = fallback;
    if (!value)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
        return false;
    *number_out = (uint64_t)json_integer_value(value);
    return true;
}

bool http_form_has_only(const json_t *form, const char *const *keys)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)form, key, value) {
        bool is_known = false;
        for (size_t i = 0; keys[i] && !is_known; i++)
            is_known = strcmp(keys[i], key) == 0;
        if (!is_known)
            return false;
    }
    return true;
}
