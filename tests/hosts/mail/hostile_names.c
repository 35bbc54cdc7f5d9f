/* Addresses, key tables and results as strangers spell them: see hostile.c. */
#include "hostile.h"

#include "address.h"
#include "authors.h"
#include "mail.h"
#include "results.h"

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
    if (refused(host, " \"erin@b.test\"") != 1)
        wrong("passes as a plain mail's author", "an address in quotes");
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
