#include "addresses.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Where a value is read. `bad`: it is no list of addresses. `nobody`: "<>" is there, which names no one. `no_...`: one is not closed, and
 * so none from there on is looked for: strangers make values long. */
struct reader { const char *c; int bad, nobody, no_comments, no_quotes; };

void addresses_free(struct addresses *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->list[i]);
    free(all->list);
    memset(all, 0, sizeof *all);
}

static void address_keep(struct addresses *all, const struct text *address)
{
    char *copy = address->failed ? NULL : malloc(address->length + 1);

    if (copy != NULL && all->count == all->room) {
        size_t room = all->room == 0 ? 8 : 2 * all->room;
        char **more = realloc(all->list, room * sizeof *more);

        if (more == NULL) {
            free(copy);
            copy = NULL;
        } else {
            all->list = more;
            all->room = room;
        }
    }
    if (copy == NULL) {
        all->failed = 1;
        return;
    }
    memcpy(copy, address->data, address->length);
    copy[address->length] = 0;
    all->list[all->count++] = copy;
}

static int is_control(char c)
{
    return ((unsigned char)c < ' ' && c != '\t' && c != '\n') || c == 127;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What a word has, and dots: they stand where they want in addresses that work. */
static int is_word(char c)
{
    return c != 0 && (isalnum((unsigned char)c) || (unsigned char)c >= 128 || strchr(".!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Past a (nested) comment. 0 if it is not closed. */
static int comment_skip(struct reader *reader)
{
    const char *c = reader->c;
    int depth = 0;

    do {
        depth += (*c == '(') - (*c == ')');
        c += *c == '\\' && c[1] != 0 ? 2 : 1;
    } while (*c != 0 && depth > 0);
    if (depth == 0)
        reader->c = c;
    return depth == 0;
}

/* Past white space and comments. */
static void blank_skip(struct reader *reader)
{
    for (;;) {
        while (is_blank(*reader->c))
            reader->c++;
        if (*reader->c != '(' || reader->no_comments)
            return;
        if (!comment_skip(reader)) {
            reader->bad = reader->no_comments = 1;
            return;
        }
    }
}

/* A quoted string, as it is written, but unfolded. 0 if it is not closed. */
static int quoted_take(struct reader *reader, struct text *out)
{
    const char *end = reader->c + 1;

    while (*end != 0 && *end != '"')
        end += *end == '\\' && end[1] != 0 ? 2 : 1;
    if (*end == 0) {
        reader->bad = reader->no_quotes = 1;
        return 0;
    }
    for (end++; reader->c < end; reader->c++)
        if (*reader->c != '\n' && !is_control(*reader->c))
            text_add(out, reader->c, 1);
    return 1;
}

/* Words that dots join, with or without white space; goes on behind what white space follows. */
static void words_take(struct reader *reader, struct text *out, int quotes)
{
    int joined = 1;

    for (;;) {
        const char *begin;

        blank_skip(reader);
        if (*reader->c == '"' && quotes && joined && !reader->no_quotes) {
            if (!quoted_take(reader, out))
                return;
            joined = 0;
            continue;
        }
        begin = reader->c;
        if (!is_word(*begin) || (!joined && *begin != '.'))
            return;
        while (is_word(*reader->c))
            reader->c++;
        text_add(out, begin, (size_t)(reader->c - begin));
        joined = reader->c[-1] == '.';
    }
}

/* "[192.0.2.1]". 0 if it is none. */
static int literal_take(struct reader *reader, struct text *out)
{
    text_add(out, reader->c++, 1);
    for (; isalnum((unsigned char)*reader->c) || is_blank(*reader->c) || (*reader->c != 0 && strchr(".:-", *reader->c) != NULL); reader->c++)
        if (!is_blank(*reader->c))
            text_add(out, reader->c, 1);
    if (*reader->c != ']')
        return 0;
    text_add(out, reader->c++, 1);
    return 1;
}

/* 0 if there is none. */
static int domain_take(struct reader *reader, struct text *out)
{
    size_t begin = out->length;

    blank_skip(reader);
    if (*reader->c == '[')
        return literal_take(reader, out);
    words_take(reader, out, 0);
    for (; begin < out->length; begin++)
        if (out->data[begin] != '.')
            return 1;
    return 0;
}

/* "bob@b.test": 1; 0 if what is taken is followed by no "@"; -1 if there is half an address. */
static int address_take(struct reader *reader, struct text *out)
{
    words_take(reader, out, 1);
    if (*reader->c != '@')
        return 0;
    text_add(out, reader->c++, 1);
    return out->length > 1 && domain_take(reader, out) && !out->failed ? 1 : -1;
}

/* Past the route of "<@x.test,@y.test:bob@b.test>", which mail servers ignore (RFC 5321, appendix C). */
static void route_skip(struct reader *reader, struct text *scratch)
{
    while (*reader->c == '@' || *reader->c == ',') {
        if (*reader->c++ == '@' && !domain_take(reader, scratch))
            reader->bad = 1;
        blank_skip(reader);
    }
    text_clear(scratch);
    if (*reader->c == ':')
        reader->c++;
    else
        reader->bad = 1;
}

/* What is in one mailbox has been taken: an address, or a name on this very host. An address in the quotes of such a name is for some
 * readers the address. */
static void mailbox_done(struct reader *reader, struct addresses *all, const struct text *taken, int is_address)
{
    all->failed |= taken->failed;
    if (is_address < 0 || taken->length == 0 || (is_address == 0 && memchr(taken->data, '@', taken->length) != NULL))
        reader->bad = 1;
    else if (is_address)
        address_keep(all, taken);
    else if (!reader->bad)
        all->local = 1;
}

static void angle_read(struct reader *reader, struct addresses *all, struct text *taken)
{
    int is_address;

    text_clear(taken);
    reader->c++;
    blank_skip(reader);
    if (*reader->c == '@' || *reader->c == ',')
        route_skip(reader, taken);
    is_address = address_take(reader, taken);
    blank_skip(reader);
    reader->nobody |= *reader->c == '>' && taken->length == 0;
    if (*reader->c == '>')
        reader->c++;
    else
        reader->bad = 1;
    mailbox_done(reader, all, taken, is_address);
}

static void mailboxes_read(struct reader *reader, struct addresses *all, struct text *taken, char end);

/* A mailbox, or, where there may be one, a group of them. */
static void mailbox_read(struct reader *reader, struct addresses *all, struct text *taken, int in_group)
{
    int is_address;

    text_clear(taken);
    is_address = address_take(reader, taken);
    if (is_address == 0) {
        /* The other words of a name. */
        while (!reader->bad && (is_word(*reader->c) || *reader->c == '"'))
            words_take(reader, taken, 1);
        if (*reader->c == '<') {
            angle_read(reader, all, taken);
        } else if (*reader->c == ':' && !in_group && taken->length > 0) {
            reader->c++;
            mailboxes_read(reader, all, taken, ';');
        } else {
            /* A name that goes on otherwise, "Bob [1] <bob@b.test>", is none on this host. */
            reader->bad |= *reader->c != 0 && *reader->c != ',' && *reader->c != ';';
            mailbox_done(reader, all, taken, 0);
        }
    } else {
        mailbox_done(reader, all, taken, is_address);
    }
    blank_skip(reader);
}

/* Mailboxes until this end; between commas there may be nothing. In a group there may be none. */
static void mailboxes_read(struct reader *reader, struct addresses *all, struct text *taken, char end)
{
    size_t count = 0;

    blank_skip(reader);
    while (!reader->bad && !all->failed && *reader->c != end) {
        if (*reader->c != ',') {
            mailbox_read(reader, all, taken, end == ';');
            count++;
        }
        if (*reader->c == ',')
            reader->c++;
        else if (*reader->c != end)
            reader->bad = 1;
        blank_skip(reader);
    }
    if (end == ';' && *reader->c == ';')
        reader->c++;
    else if (end == ';' || count == 0)
        reader->bad = 1;
}

/* What looks like an address in a value that is no list of them. */
static void runs_read(struct addresses *all, struct text *taken, const char *value)
{
    struct reader reader = {.c = value};

    while (*reader.c != 0 && !all->failed) {
        const char *begin = reader.c;

        text_clear(taken);
        if (address_take(&reader, taken) > 0)
            address_keep(all, taken);
        all->failed |= taken->failed;
        reader.c += reader.c == begin;
    }
}

void addresses_read(struct addresses *all, const char *value)
{
    struct reader reader = {.c = value};
    struct text taken = {0};
    size_t before = all->count, words = 0;

    mailboxes_read(&reader, all, &taken, 0);
    for (const char *c = value; *c != 0; c++) {
        reader.bad |= is_control(*c) && (*c != '\r' || c[1] != '\n');
        words += is_word(*c);
    }
    if (reader.bad) {
        all->marked = 1;
        /* As a name on this very host others might read it, too. */
        all->local |= strchr(value, '@') == NULL && words > 0 && !reader.nobody;
        while (all->count > before)
            free(all->list[--all->count]);
        runs_read(all, &taken, value);
    }
    all->failed |= taken.failed;
    text_free(&taken);
}

void addresses_write(struct text *out, const char *value)
{
    struct addresses all = {0};

    text_add(out, "", 0);
    addresses_read(&all, value);
    for (size_t i = 0; i < all.count; i++)
        text_format(out, "%s%s", i > 0 ? ", " : "", all.list[i]);
    out->failed |= all.failed;
    addresses_free(&all);
}

void address_first(struct text *out, const char *value)
{
    struct addresses all = {0};

    text_add(out, "", 0);
    addresses_read(&all, value);
    for (const char *c = all.count > 0 ? all.list[0] : ""; *c != 0; c++) {
        char lower = (char)tolower((unsigned char)*c);

        text_add(out, &lower, 1);
    }
    out->failed |= all.failed;
    addresses_free(&all);
}
