/* Addresses, key tables and results as strangers spell them: see hostile.c. */
#include "hostile.h"

#include "address.h"
#include "authors.h"
#include "mail.h"
#include "results.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void wrong(const char *what, const char *which)
{
    fprintf(stderr, "hostile: %s: %s\n", what, which);
    exit(1);
}

static void table_write(struct text *path, const char *folder, const char *lines)
{
    struct text file = {0};
    const char *c;

    text_clear(path);
    text_format(path, "%s/names.keys", folder);
    for (c = lines; *c != 0; c++) {
        if (*c == '$')
            text_puts(&file, folder);
        else
            text_add(&file, c, 1);
    }
    if (file_write(path->data, file.data, file.length) != 0)
        wrong("no file can be written", path->data);
    text_free(&file);
}

static bulla_key key_of(const struct keys *keys, const char *address)
{
    const bulla_public *identity;
    bulla_key key;

    memset(&key, 0, sizeof key);
    if (keys_find(keys, address, &identity, &key) != FOUND_KEY)
        wrong("has no key", address);
    return key;
}

static int refused(struct host *host, const char *author)
{
    struct mail mail = {.from = (char *)(uintptr_t)"x@else.test"};
    int result;

    header_add(&mail.header, "From", 4, author, strlen(author));
    result = plain_is_refused(host, &mail);
    header_free(&mail.header);
    return result;
}

/* Everybody who looks for a line finds the same one. */
static void check_spellings(struct host *host)
{
    static const char *const ERIN[] = {"erin@b.test", "Erin@B.Test", "erin@b.test.", "\"erin\"@b.test", "\"e\\rin\"@b.test", "e\\rin@b.test",
        "@x.test:erin@b.test", "@x.test,@y.test:\"Erin\"@b.test..", "\"er\"in@b.test", "erin+list@b.test", "\"erin+a b\"@b.test"};
    static const char *const OTHERS[] = {"erin+exact@b.test", "frieda@b.test", "erin.x@b.test", "+erin@b.test", "bob@b.test."};
    /* No lists: one who seals may be read in it, or nobody who does. */
    static const struct { const char *value; int refused; } BROKEN[] = {{"[1] er\\in@b.test", 1}, {"[1] e\"r\"in@b.test", 1}, {"[1] erin @ b . test", 1},
        {"[1] er(x)in@(y)b.test", 1}, {"[1] erin#x@b.test", 0}, {"[1] erin+x@b.test", 1}, {"[1] 'erin@b.test'", 1}, {"<erin(@b.test", 1}, {"<@erin@b.test", 1},
        {"e r i n@b.test [", 1}, {"erin frieda@b.test [", 0}, {"A [1] <x@else.test>", 0}, {"A\\B <x@else.test>", 0}, {"A <x@else.test> (B", 0},
        {"x@else.test <x@else.test>", 0}, {"A [1]", 1}, {"A <>", 0}, {"<>", 0}, {"", 0}, {"A, [1] <x@else.test>", 1}};
    const bulla_public *identity;
    struct config config = {.domain = (char *)(uintptr_t)"mx.c.test", .plain = PLAIN_REFUSE_KNOWN};
    bulla_key erin = key_of(host->keys, ERIN[0]), one;
    char spelt[4096], address[8192];

    host->config = &config;
    for (size_t i = 0; i < sizeof ERIN / sizeof *ERIN; i++) {
        one = key_of(host->keys, ERIN[i]);
        if (memcmp(&one, &erin, sizeof erin) != 0 || author_is(host, ERIN[i], &erin) != 1)
            wrong("is not Erin", ERIN[i]);
        snprintf(spelt, sizeof spelt, " Erin <%s>", ERIN[i]);
        if (refused(host, spelt) != 1)
            wrong("passes as a plain mail's author", ERIN[i]);
    }
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        if (keys_find(host->keys, OTHERS[i], &identity, &one) != FOUND_CLEAR)
            wrong("is not written to in clear", OTHERS[i]);
    /* Longer than anybody's room: by route, by backslashes, and in truth. */
    memset(spelt, 'x', sizeof spelt);
    snprintf(address, sizeof address, "@%.4000s:erin@b.test", spelt);
    one = key_of(host->keys, address);
    snprintf(address, sizeof address, "%.4000s@b.test", spelt);
    if (memcmp(&one, &erin, sizeof erin) != 0 || keys_find(host->keys, address, &identity, &one) != FOUND_CLEAR)
        wrong("is too long", "an address");
    snprintf(address, sizeof address, "erin@%.4000s", spelt);
    if (keys_find(host->keys, address, &identity, &one) != FOUND_NOTHING || keys_find(host->keys, "erin", &identity, &one) != FOUND_NOTHING)
        wrong("is found", "an address of no domain");
    for (size_t i = 0; i < sizeof BROKEN / sizeof *BROKEN; i++)
        if (refused(host, BROKEN[i].value) != BROKEN[i].refused)
            wrong("is judged wrongly as a plain mail's author", BROKEN[i].value);
    if (refused(host, " \"erin@b.test\"") != 1)
        wrong("passes as a plain mail's author", "an address in quotes");
}

/* A second reading of address lists, by other means: comments become blanks and quoted strings letters, and what is left has few signs.
 * -1 if it is no list, as far as that shows here. */
struct piece { const char *value; const char *bare; size_t begin, end; };

static char *bare_make(const char *value)
{
    char *bare = strdup(value);
    size_t i = 0;

    if (bare == NULL)
        wrong("no memory", value);
    while (bare[i] != 0) {
        int depth = bare[i] == '(', quoted = bare[i] == '"';

        if (bare[i] == '\r' && bare[i + 1] == '\n')
            bare[i] = ' ';
        if (((unsigned char)bare[i] < ' ' && strchr("\t\n", bare[i]) == NULL) || bare[i] == 127)
            return free(bare), NULL;
        if (!depth && !quoted) {
            i++;
            continue;
        }
        bare[i++] = quoted ? 'q' : ' ';
        while (bare[i] != 0 && (depth > 0 || quoted)) {
            int escaped = bare[i] == '\\' && bare[i + 1] != 0;

            if (escaped)
                bare[i++] = quoted ? 'q' : ' ';
            depth += escaped || quoted ? 0 : (bare[i] == '(') - (bare[i] == ')');
            quoted = quoted && (escaped || bare[i] != '"');
            bare[i] = depth == 0 && (quoted || value[i] == '"') && value[i] != ')' ? 'q' : depth > 0 || value[i] == ')' ? ' ' : 'q';
            i++;
        }
        if (depth > 0 || quoted)
            return free(bare), NULL;
    }
    return bare;
}

static int piece_read(struct piece piece, struct text *out)
{
    size_t ats = 0, open = 0, closed = 0, from = piece.begin;

    for (size_t i = piece.begin; i < piece.end; i++) {
        char c = piece.bare[i];

        if (closed > 0 && strchr(" \t\n", c) == NULL)
            return -1;
        if (c == '<' && (open++ > 0 || ats > 0))
            return -1;
        if (c == '<')
            from = i + 1;
        /* A route ends with a colon; before that, what is in it does not count. */
        if (c == ':' && open > 0 && piece.bare[from + strspn(piece.bare + from, " \t\n,")] == '@' && memchr(piece.bare + i, ':', piece.end - i) != NULL)
            from = i + 1, ats = 0;
        ats += c == '@';
        if (c == '>' && (closed++ > 0 || open == 0))
            return -1;
    }
    if (ats > 1 || open != closed)
        return -1;
    if (ats == 0)
        return 0;
    text_puts(out, out->length > 0 ? ", " : "");
    for (size_t i = from; i < piece.end && piece.bare[i] != '>'; i++)
        if (strchr(" \t\n", piece.bare[i]) == NULL && piece.value[i] != '\n' && piece.value[i] != '\r')
            text_add(out, piece.value + i, 1);
    return 0;
}

static int read_simply(const char *value, struct text *out)
{
    char *bare = bare_make(value);
    struct piece piece = {value, bare, 0, 0};
    int angle = 0, literal = 0, result = bare == NULL ? -1 : 0;

    text_clear(out);
    text_add(out, "", 0);
    for (size_t i = 0; result == 0; i++) {
        char c = bare[i];

        angle = c == '<' || (angle && c != '>');
        literal = c == '[' || (literal && c != ']');
        if (c == ':' && !angle && !literal)
            piece.begin = i + 1;
        if (c != 0 && (angle || (c != ',' && c != ';')))
            continue;
        piece.end = i;
        result = piece_read(piece, out);
        piece.begin = i + 1;
        if (c == 0)
            break;
    }
    free(bare);
    return result;
}

/* One value, read twice; what is marked and has Erin in it may not come in without a seal. */
static void check_value(struct host *host, const char *value, int erin)
{
    struct addresses all = {0};
    struct text read = {0}, simply = {0}, again = {0};

    addresses_read(&all, value);
    addresses_write(&read, value);
    if (!all.marked && (read_simply(value, &simply) != 0 || strcmp(simply.data, read.data) != 0))
        wrong("is read in two ways, and not marked", value);
    if (all.marked && erin && refused(host, value) != 1)
        wrong("is marked, and passes as a plain mail's author", value);
    addresses_free(&all);
    /* What is written of it is a list, and the same. */
    addresses_read(&all, read.data);
    addresses_write(&again, read.data);
    if (all.failed || (read.length > 0 && all.marked) || strcmp(again.data, read.data) != 0)
        wrong("is written as something else", value);
    addresses_free(&all);
    text_free(&read);
    text_free(&simply);
    text_free(&again);
}

static void check_random(struct host *host)
{
    static const char *const PIECES[] = {"x@else.test", "<", ">", ",", ";", ":", "\"", "\\", "(", ")", " ", "\n ", ".", "@", "[192.0.2.1]", "A",
        "\x01", "\r", "\xc3\xb6", "@y.test:", "mail", "<x@else.test>", "A <", "=?utf-8?q?x?=", "\"x\"@else.test", "B:", "'", "[", "\t"};
    static const char *const BEFORE[] = {" ", "<", ",", "(", "\"", ":", ";", "[", "'", "\n\t", "@", ">"};
    struct text value = {0};

    for (size_t round = 0; round < 200000; round++) {
        size_t parts = below(9), place = below(2) ? below(parts + 1) : parts + 1;

        text_clear(&value);
        text_add(&value, "", 0);
        for (size_t i = 0; i <= parts; i++) {
            if (i == place && value.length > 0)
                text_puts(&value, BEFORE[below(sizeof BEFORE / sizeof *BEFORE)]);
            if (i == place)
                text_format(&value, "erin@b.test%s", BEFORE[below(sizeof BEFORE / sizeof *BEFORE)]);
            else
                text_puts(&value, PIECES[below(sizeof PIECES / sizeof *PIECES)]);
        }
        /* As header_value() gives it. */
        while (value.length > 0 && isspace((unsigned char)value.data[value.length - 1]))
            value.data[--value.length] = 0;
        check_value(host, value.data + strspn(value.data, " \t\r\n"), place <= parts);
    }
    text_free(&value);
}

/* What is a list, however odd, is not marked. */
static void check_lists(void)
{
    static const char *const ADDRESSES[] = {"bob@b.test", "\"a b\"@b.test", "\"a,<b>;\\\"@\"@b.test", "x.y@[192.0.2.1]", "x@[IPv6:2001:db8::1]",
        "j\xc3\xb6rg@else.test", "a.\"b\".c@b.test", ".odd..dots.@b.test.", "o'n!#$%&*+-/=?^_`{|}~@b.test"};
    static const struct { const char *before, *after; } FORMS[] = {{"", ""}, {"<", ">"}, {"A B <", ">"}, {"\"A, (B) @ <x@y>;\" <", ">"},
        {"A (x@y \\) <(,)) <", ">"}, {"", " (x@y)"}, {"(x@y)", ""}, {"<@r.test,@s.test:", ">"}, {"<,@r.test , (x) @s.test:", " >"}, {"A.\n B. <\n ", " > (x)"},
        {"=?utf-8?q?x=40y?= <", ">"}, {"us: ", ";"}, {"\"us,\" them: , A <", ">, ; "}, {"J\xc3\xb6rg <", ">\n "}, {"\"\" <", ">"}};
    static const char *const JOINTS[] = {",", ", ", ",\n\t", " (x, y) ,", ",,", ", (@),"};
    struct text value = {0}, expected = {0}, read = {0};

    for (size_t round = 0; round < 20000; round++) {
        text_clear(&value);
        text_clear(&expected);
        for (size_t parts = below(5) + 1, i = 0; i < parts; i++) {
            size_t form = below(sizeof FORMS / sizeof *FORMS);
            const char *address = ADDRESSES[below(sizeof ADDRESSES / sizeof *ADDRESSES)];

            text_format(&value, "%s%s%s%s", i > 0 ? JOINTS[below(sizeof JOINTS / sizeof *JOINTS)] : "", FORMS[form].before, address, FORMS[form].after);
            text_format(&expected, "%s%s", i > 0 ? ", " : "", address);
        }
        struct addresses all = {0};

        addresses_read(&all, value.data);
        addresses_write(&read, value.data);
        if (all.marked || all.local || strcmp(read.data, expected.data) != 0)
            wrong("is a list", value.data);
        addresses_free(&all);
        text_clear(&read);
    }
    text_free(&value);
    text_free(&expected);
    text_free(&read);
}

void check_keys(const char *folder)
{
    struct text path = {0};
    struct host host = {0};
    struct { const char *address; int by_a, by_b; } const signs[] = {{"erin@b.test", 1, 1}, {"\"Erin\"@b.test.", 1, 1}, {"eve@b.test", 1, -1},
        {"bob@b.test", -1, 1}, {"clara@b.test", -1, 1}, {"erin@d.test", 1, -1}, {"bob@d.test", 0, 0}, {"x@nobody.test", 0, 0}};
    bulla_key a, b;

    table_write(&path, folder, "\"Erin\"@B.test. $/a.pub # hers\n@b.test clear\nerin+exact@b.test clear\n");
    if ((host.keys = keys_read(path.data, "+")) == NULL)
        wrong("cannot be read", "a table");
    check_spellings(&host);
    check_lists();
    check_random(&host);
    keys_free(host.keys);
    table_write(&path, folder, "erin@b.test $/a.pub\neve@b.test $/a.pub alone\nclara@b.test clear\n@b.test $/b.pub\n"
                               "erin@d.test $/a.pub\n@d.test clear\n");
    if ((host.keys = keys_read(path.data, NULL)) == NULL)
        wrong("cannot be read", "another table");
    a = key_of(host.keys, "erin@b.test"), b = key_of(host.keys, "bob@b.test");
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (author_is(&host, signs[i].address, &a) != signs[i].by_a || author_is(&host, signs[i].address, &b) != signs[i].by_b)
            wrong("is signed for by the wrong key", signs[i].address);
    keys_free(host.keys);
    table_write(&path, folder, "carol@b.test clear\n@b.test $/b.pub\n");
    if ((host.keys = keys_read(path.data, "+")) == NULL)
        wrong("cannot be read", "a third table");
    /* The delimiter makes nobody be written to in clear; but whoever writes in clear may use it. */
    key_of(host.keys, "carol+x@b.test");
    if (keys_seal(host.keys, "carol@b.test") || keys_seal(host.keys, "Carol+x@b.test") || !keys_seal(host.keys, "dave+x@b.test"))
        wrong("seals, or does not", "carol@b.test");
    keys_free(host.keys);
    table_write(&path, folder, "erin@b.test $/a.pub\n\"erin\"@b.test $/b.pub\n");
    if (keys_read(path.data, NULL) != NULL)
        wrong("stands there twice", "erin@b.test");
    table_write(&path, folder, "@b.test $/b.pub alone\n");
    if (keys_read(path.data, NULL) != NULL)
        wrong("is alone", "@b.test");
    text_free(&path);
}

void check_results(void)
{
    /* What goes where results of other methods are kept, and where none are. */
    static const struct { const char *value; int others, none; } fields[] = {
        {" mx.b.test; bulla=pass", 1, 1}, {" mx.b.test; dkim=pass header.d=a.test", 0, 1}, {" mx.a.test; bulla=pass", 0, 0},
        {" \"mx\\.b.test\"; bulla=pass", 1, 1}, {" \"MX.b.test\" 1;\n\tspf=pass", 0, 1}, {" mx.b.test.; BULLA = pass", 1, 1},
        {" mx.b.test; dkim=pass (x; y) header.b=\"a;b\";\n bulla(x)/1(y)=pass", 1, 1}, {" mx.b.test; none", 0, 1}, {" mx.b.test", 0, 1},
        {" mx.b.test; spf=fail smtp.mailfrom=\"bulla=pass\"@a.test", 0, 1}, {" mx.b.test; spf=pass (bulla=fail", 1, 1},
        {" mx.b.test; spf=pass reason=\"x; bulla=pass", 1, 1}, {" mx.b.test; dkim; bulla=pass", 1, 1}, {" mx.b.test; dkim=fail (a;b) reason=\"\\\";x\";", 0, 1},
        {" (it is) mx.b.test(so) 1 (v); (m) bulla=pass", 1, 1}, {" mx.b.test; =pass", 1, 1}, {" mx.b.test; dmarc=pass; arc=none", 0, 1},
        {" mxx.b.test; bulla=pass", 0, 0}, {" mx.b.test; notbulla=pass; bulla-x=pass", 0, 1}};
    struct config config = {.domain = (char *)(uintptr_t)"mx.b.test"};

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        config.results = KEPT_OTHERS;
        if (results_go(fields[i].value, &config) != fields[i].others)
            wrong("of others is kept, or not", fields[i].value);
        config.results = KEPT_ALL; /* a milter keeps what says "bulla" in no case */
        if (results_go(fields[i].value, &config) != fields[i].others)
            wrong("of all is kept, or not", fields[i].value);
        config.results = KEPT_NONE;
        if (results_go(fields[i].value, &config) != fields[i].none)
            wrong("of ours is kept, or not", fields[i].value);
    }
}
