#include "bench/table.h"

#include <string.h>

#include <jansson.h>

static const char *s_fact(const json_t *root, const char *key)
{
    const char *text = json_string_value(json_object_get(json_object_get(root, "facts"), key));
    return text ? text : "unknown";
}

/* Three digits, whatever the size. */
static void s_number(double value, FILE *out)
{
    double size = value < 0 ? -value : value;
    fprintf(out, "%.*f", size >= 100 || value == (double)(long)value ? 0 : size >= 10 ? 1 : 2, value);
}

static void s_raw(const json_t *raw, FILE *out)
{
    for (size_t i = 0; i < json_array_size(raw); i++) {
        fputs(i ? " · " : "", out);
        s_number(json_real_value(json_array_get(raw, i)), out);
    }
}

/* "≤ 1.25: met", or nothing. */
static void s_target(const json_t *root, const char *scenario, const char *figure, FILE *out)
{
    size_t i;
    const json_t *target;
    json_array_foreach (json_object_get(root, "targets"), i, target) {
        const char *of = json_string_value(json_object_get(target, "scenario"));
        const char *name = json_string_value(json_object_get(target, "name"));
        if (!of || !name || strcmp(of, scenario) != 0 || strcmp(name, figure) != 0)
            continue;
        const json_t *most = json_object_get(target, "at_most"), *least = json_object_get(target, "at_least");
        fputs(most ? "≤ " : "≥ ", out);
        s_number(json_real_value(most ? most : least), out);
        fprintf(out, ": %s", json_is_true(json_object_get(target, "met")) ? "met" : "**MISSED**");
    }
}

static const json_t *s_figure(const json_t *root, const char *scenario, const char *name)
{
    size_t i;
    const json_t *at;
    json_array_foreach (json_object_get(root, "scenarios"), i, at) {
        const char *of = json_string_value(json_object_get(at, "name"));
        if (of && strcmp(of, scenario) == 0)
            return json_object_get(json_object_get(at, "figures"), name);
    }
    return NULL;
}

static void s_scenario(const json_t *root, const json_t *scenario, FILE *out)
{
    const char *name = json_string_value(json_object_get(scenario, "name"));
    const char *failed = json_string_value(json_object_get(scenario, "failed"));
    fprintf(out, "| **%s** %s | | | %s%s |\n", name, json_string_value(json_object_get(scenario, "title")),
            failed ? "**FAILED**: " : "", failed ? failed : "");
    const char *key;
    json_t *figure;
    json_object_foreach (json_object_get(scenario, "figures"), key, figure) {
        const char *unit = json_string_value(json_object_get(figure, "unit"));
        fprintf(out, "| %s | ", key + strspn(key, " "));
        s_number(json_real_value(json_object_get(figure, "median")), out);
        fprintf(out, "%s%s | ", unit && *unit ? " " : "", unit ? unit : "");
        s_raw(json_object_get(figure, "raw"), out);
        fputs(" | ", out);
        s_target(root, name, key, out);
        fputs(" |\n", out);
    }
}

/* What was promised, first. */
static void s_targets(const json_t *root, FILE *out)
{
    size_t i;
    const json_t *target;
    fputs("| scenario | figure | median | target | raw rounds |\n|---|---|---|---|---|\n", out);
    json_array_foreach (json_object_get(root, "targets"), i, target) {
        const char *scenario = json_string_value(json_object_get(target, "scenario"));
        const char *name = json_string_value(json_object_get(target, "name"));
        const char *unit = json_string_value(json_object_get(target, "unit"));
        if (!scenario || !name || !unit)
            continue;
        fprintf(out, "| `%s` | %s | ", scenario, name);
        s_number(json_real_value(json_object_get(target, "figure")), out);
        fprintf(out, "%s%s | ", *unit ? " " : "", unit);
        s_target(root, scenario, name, out);
        fputs(" | ", out);
        s_raw(json_object_get(s_figure(root, scenario, name), "raw"), out);
        fputs(" |\n", out);
    }
}

bool table_print(const char *receipt_path, FILE *out)
{
    json_error_t error;
    json_t *root = json_load_file(receipt_path, 0, &error);
    const json_t *scenarios = json_object_get(root, "scenarios");
    if (!json_is_array(scenarios)) {
        fprintf(stderr, "rookery-bench: %s: %s\n", receipt_path, root ? "no receipt" : error.text);
        json_decref(root);
        return false;
    }
    fprintf(out, "%s, %s processors (%s), %s, database %s on %s; version %s (git %s); audit %s.\n\n", s_fact(root, "at"),
            s_fact(root, "processors"), s_fact(root, "cpu"), s_fact(root, "kernel"), s_fact(root, "database"),
            s_fact(root, "database_files_on"), s_fact(root, "version"), s_fact(root, "git"),
            json_string_value(json_object_get(root, "audit")));
    s_targets(root, out);
    fputs("\n| | median | raw rounds | target |\n|---|---|---|---|\n", out);
    size_t i;
    const json_t *scenario;
    json_array_foreach (scenarios, i, scenario)
        s_scenario(root, scenario, out);
    json_decref(root);
    return ferror(out) == 0;
}
