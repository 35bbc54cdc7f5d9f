/* What others might read in a value that is no list of addresses: see addresses.h. */
#include "addresses.h"

#include <ctype.h>
#include <string.h>

/* So much is looked at in a value that nobody can read: nobody writes so many addresses so badly. */
#define MOST_MENTIONS 64
#define MOST_WORDS_BEFORE 8
#define MOST_WORDS_AFTER 4

/* In words of addresses as they are in use; what else may be in them stands between them here. */
static int is_plain(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 128 || c == '.' || c == '-' || c == '_' || c == '+';
}

/* What stands from `begin` to `end`; of what is not plain nothing, unless `whole`. */
static void plain_add(struct text *out, const char *begin, const char *end, int whole)
{
    for (; begin < end; begin++)
        if (whole || is_plain(*begin))
            text_add(out, begin, 1);
}

/* Whether words around an "@", up to those around it, may be an address: some of those before, run together or as they stand, with some
 * of those behind. */
static int mention_is(const char *value, const char *at, int (*is)(const void *about, const char *address), const void *about)
{
    const char *begins[MOST_WORDS_BEFORE + 1] = {at}, *ends[MOST_WORDS_AFTER];
    size_t before = 1, after = 0;
    struct text address = {0};
    int result = 0;

    for (const char *c = at; c > value && c[-1] != '@' && before <= MOST_WORDS_BEFORE; c--)
        if (is_plain(c[-1]) && (c - 1 == value || !is_plain(c[-2])))
            begins[before++] = c - 1;
    for (const char *c = at + 1; *c != 0 && *c != '@' && after < MOST_WORDS_AFTER; c++)
        if (is_plain(*c) && !is_plain(c[1]))
            ends[after++] = c + 1;
    for (size_t i = 0; i < before * after * 2 && result == 0; i++) {
        text_clear(&address);
        plain_add(&address, begins[i / 2 % before], at, i % 2);
        text_add(&address, "@", 1);
        plain_add(&address, at + 1, ends[i / 2 / before], 0);
        result = address.failed ? -1 : is(about, address.data);
    }
    text_free(&address);
    return result;
}

static int mentions(const char *value, int (*is)(const void *about, const char *address), const void *about)
{
    size_t count = 0;
    int result = 0;

    for (const char *at = strchr(value, '@'); at != NULL && result == 0; at = strchr(at + 1, '@'))
        result = ++count > MOST_MENTIONS ? 1 : mention_is(value, at, is, about);
    return result;
}

/* What is left of a value without its (nested) comments; what is not closed is none. */
static void without_comments(struct text *out, const char *value)
{
    const char *begin = NULL;
    int depth = 0;

    text_add(out, "", 0);
    for (; *value != 0; value++) {
        if (*value == '(' && depth++ == 0)
            begin = value;
        if (depth == 0)
            text_add(out, value, *value == '\\' && value[1] != 0 ? 2 : 1);
        depth -= *value == ')' && depth > 0;
        value += *value == '\\' && value[1] != 0;
    }
    if (depth > 0)
        text_puts(out, begin);
}

int addresses_mention(const char *value, int (*is)(const void *about, const char *address), const void *about)
{
    struct text rest = {0};
    int result = mentions(value, is, about);

    without_comments(&rest, value);
    if (result == 0)
        result = rest.failed ? -1 : mentions(rest.data, is, about);
    text_free(&rest);
    return result;
}
