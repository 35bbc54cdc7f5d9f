#include "address.h"

#include <ctype.h>
#include <string.h>

struct out { char *to; size_t room, length; };

static void put(struct out *out, char c)
{
    if (out->length + 1 < out->room)
        out->to[out->length] = c;
    out->length++;
}

static size_t closed(struct out *out)
{
    if (out->room > 0)
        out->to[out->length < out->room ? out->length : out->room - 1] = 0;
    return out->length;
}

/* Mail servers ignore the route of "@x,@y:bob@b.test" (RFC 5321, appendix C). */
static const char *route_skip(const char *address, const char *at)
{
    const char *c = at;

    if (*address != '@' || at == NULL)
        return address;
    while (c > address && *c != ':')
        c--;
    return *c == ':' ? c + 1 : address;
}

/* What needs its quotes stays apart from what does not by the signs that are in it. */
static void local_put(struct out *out, const char *from, const char *end, const char *delimiter, int fold)
{
    for (; from < end; from++) {
        char c = *from;

        if (c == '"')
            continue;
        if (c == '\\' && from + 1 < end)
            c = *++from;
        if (delimiter != NULL && out->length > 0 && strchr(delimiter, c) != NULL)
            break;
        put(out, (unsigned char)c < ' ' ? '?' : fold ? (char)tolower((unsigned char)c) : c);
    }
}

static void domain_put(struct out *out, const char *at)
{
    size_t begin = out->length, kept = out->length;

    for (; *at != 0; at++) {
        if (*at == '"' || *at == '\\')
            continue;
        put(out, (char)tolower((unsigned char)*at));
        /* "@" alone is a domain, too. */
        if (*at != '.' || kept == begin)
            kept = out->length;
    }
    out->length = kept;
}

size_t address_normal(const char *address, const char *delimiter, int fold, char *out, size_t room)
{
    struct out normal = {out, room, 0};
    const char *at = strrchr(address, '@'), *local = route_skip(address, at);

    local_put(&normal, local, at == NULL ? local + strlen(local) : at, delimiter, fold);
    if (at != NULL)
        domain_put(&normal, at);
    return closed(&normal);
}

size_t address_domain(const char *address, char *out, size_t room)
{
    struct out normal = {out, room, 0};
    const char *at = strrchr(address, '@');

    if (at != NULL)
        domain_put(&normal, at);
    return closed(&normal);
}
