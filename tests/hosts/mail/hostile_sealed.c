/* Sealed mails, made here and broken, and a host without memory: see hostile.c. */
#include "hostile.h"

#include "addressees.h"
#include "handed.h"
#include "mime.h"
#include "opening.h"
#include "sealing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, const struct outcome *outcome, const struct text *mail)
{
    fprintf(stderr, "hostile: %s: verdict %d: %s\n", what, outcome == NULL ? -1 : (int)outcome->verdict, outcome == NULL ? "" : outcome->say);
    if (mail != NULL)
        fwrite(mail->data, 1, mail->length, stderr);
    exit(1);
}

/* The allocation of this number fails; 0: none does. */
static long failing, allocations;

static int fails(void)
{
    return failing > 0 && ++allocations == failing;
}
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *string);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *string);
void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}
char *__wrap_strdup(const char *string)
{
    return fails() ? NULL : __real_strdup(string);
}

/* The two ends. */
static struct host *sender, *reader;

static void end_make(const char *folder, const char *name, const char *other)
{
    struct text path = {0}, file = {0};
    bulla_identity *identity = NULL;
    bulla_public *public_identity = NULL;
    bulla_buffer *line = NULL;

    text_format(&path, "%s/%s.key", folder, name);
    if (bulla_identity_generate(&identity, NULL) != BULLA_OK || bulla_identity_save(identity, path.data, NULL, NULL) != BULLA_OK ||
        bulla_identity_public(identity, &public_identity, NULL) != BULLA_OK || bulla_buffer_new(&line, NULL) != BULLA_OK ||
        bulla_public_line(public_identity, line, NULL) != BULLA_OK)
        fail("no key can be made", NULL, NULL);
    text_clear(&path);
    text_format(&path, "%s/%s.pub", folder, name);
    text_add(&file, bulla_buffer_data(line), bulla_buffer_length(line));
    if (file_write(path.data, file.data, file.length) != 0)
        fail("no file can be written", NULL, NULL);
    text_clear(&path);
    text_clear(&file);
    text_format(&path, "%s/%s.keys", folder, name);
    text_format(&file, "@%s.test %s/%s.pub\n", other, folder, other);
    file_write(path.data, file.data, file.length);
    text_clear(&path);
    text_clear(&file);
    text_format(&path, "%s/%s.conf", folder, name);
    text_format(&file, "identity = %s/%s.key\nkeys = %s/%s.keys\ndomain = mx.%s.test\nstate = %s/state-%s\nreceipts = none\n", folder, name,
                folder, name, name, folder, name);
    file_write(path.data, file.data, file.length);
    text_free(&path);
    text_free(&file);
    bulla_buffer_free(line);
    bulla_public_free(public_identity);
    bulla_identity_free(identity);
}

static struct host *end_open(const char *folder, const char *name)
{
    struct text path = {0};
    struct host *host;

    text_format(&path, "%s/%s.conf", folder, name);
    host = host_new(path.data, 0);
    text_free(&path);
    if (host == NULL || bulla_guard_in_memory(NULL, &host->guard, NULL) != BULLA_OK)
        fail("a host cannot be made", NULL, NULL);
    return host;
}

void ends_make(const char *folder)
{
    end_make(folder, "a", "b");
    end_make(folder, "b", "a");
    sender = end_open(folder, "a");
    reader = end_open(folder, "b");
}

void ends_free(void)
{
    host_put(sender);
    host_put(reader);
}

#define NAMED 2
static const char *const PEOPLE[] = {"bob@b.test", "carol@b.test", "dave@b.test", "Bob@B.test", "bob+x@b.test", "\"bob\"@b.test", "x", ""};
static const char BODY[] = "Dear Bob,\r\n\r\nthe barley is in.\r\n.\r\n-- \r\nAlice\r\n";

static void recipient_add(struct mail *mail, const char *address)
{
    mail->recipients = realloc(mail->recipients, (mail->count + 1) * sizeof *mail->recipients);
    mail->recipients[mail->count++] = strdup(address);
}

/* A mail of Alice's to the first so many of the people. */
static void letter_make(struct mail *mail, size_t people, const char *author)
{
    struct text header = {0};

    text_format(&header, "From: Alice <%s>\r\nTo: <bob@b.test>\r\nSubject: s\r\nMessage-ID: <%zu@a.test>\r\n\r\n", author, people);
    memset(mail, 0, sizeof *mail);
    mail->from = strdup("alice@a.test");
    for (size_t i = 0; i < people; i++)
        recipient_add(mail, PEOPLE[i]);
    header_parse(&mail->header, header.data, header.length);
    text_puts(&mail->body, BODY);
    text_free(&header);
}

static void letter_seal(size_t people, struct text *sealed)
{
    struct mail mail;
    struct outcome outcome = {0};

    letter_make(&mail, people, "alice@a.test");
    seal_mail(sender, &mail, &outcome);
    if (outcome.verdict != VERDICT_CHANGED)
        fail("it is not sealed", &outcome, NULL);
    header_write(&outcome.header, sealed, "\r\n");
    text_puts(sealed, "\r\n");
    text_add(sealed, outcome.body.data, outcome.body.length);
    mail_free(&mail);
    outcome_free(&outcome);
}

/* Changes what is inside the base64 of a part. */
static void part_change(struct text *mail, const char *type)
{
    struct text inside = {0}, next = {0};
    char *begin = strstr(mail->data, type), *end;

    if (begin == NULL || (begin = strstr(begin, "\r\n\r\n")) == NULL || (end = strstr(begin + 4, "\r\n--")) == NULL ||
        base64_read(&inside, begin + 4, (size_t)(end - begin - 4)) != 0 || inside.length == 0) {
        text_free(&inside);
        return;
    }
    switch (below(4)) {
    case 0: inside.data[below(inside.length)] ^= (char)(1 << below(8)); break;
    case 1: inside.length = below(inside.length); break;
    case 2: inside.data[below(4)] = (char)below(256); break;
    default: text_add(&inside, "\n", 1); change(&inside);
    }
    text_add(&next, mail->data, (size_t)(begin + 4 - mail->data));
    base64_write(&next, (const uint8_t *)inside.data, inside.length, "\r\n");
    text_puts(&next, end + 2);
    text_free(mail);
    text_free(&inside);
    *mail = next;
}

/* Takes the lists of another mail. */
static void lists_swap(struct text *mail, const struct text *other)
{
    const char *begin = strstr(mail->data, TYPE_ADDRESSEES), *others = strstr(other->data, TYPE_ADDRESSEES);
    struct text next = {0};

    if (begin == NULL || others == NULL)
        return;
    text_add(&next, mail->data, (size_t)(begin - mail->data));
    text_puts(&next, others);
    text_free(mail);
    *mail = next;
}

/* What is opened is what was sealed, for whom it was sealed. */
static void opened_check(const struct mail *mail, size_t people, const struct outcome *outcome, const struct text *raw)
{
    struct text name = {0}, known = {0};

    if (outcome->body.length != sizeof BODY - 1 || memcmp(outcome->body.data, BODY, sizeof BODY - 1) != 0)
        fail("another body was opened", outcome, raw);
    if (outcome->sender == NULL || strcmp(outcome->sender, "alice@a.test") != 0)
        fail("its bounces go to somebody else", outcome, raw);
    for (size_t i = 0; i < mail->count; i++) {
        int named = 0;

        reader_of(reader->config, mail->recipients[i], &name);
        for (size_t j = 0; j < people; j++) {
            reader_of(reader->config, PEOPLE[j], &known);
            named |= strcmp(name.data, known.data) == 0;
        }
        if (!named)
            fail("opened for somebody whom the author did not name", outcome, raw);
    }
    text_free(&name);
    text_free(&known);
}

static enum verdict open_once(const struct mail *mail, size_t people, const struct text *raw)
{
    int memory = failing == 0;
    struct outcome outcome = {0};
    struct text results = {0};
    enum verdict verdict;

    open_mail(reader, mail, &outcome, &results);
    verdict = outcome.verdict;
    failing = 0;
    if (verdict == VERDICT_CHANGED) {
        opened_check(mail, people, &outcome, raw);
        /* The mail server did not take it: the next one may. */
        outcome.confirm[HANDED_ID - 1] = 0;
        handed_drop(reader, outcome.confirm);
    } else if (verdict == VERDICT_LATER && memory) {
        fail("a stranger makes us fail", &outcome, raw);
    }
    outcome_free(&outcome);
    text_free(&results);
    return verdict;
}

/* Whether the mail as it was sealed is still taken. */
static void genuine_check(const struct text *sealed, size_t people)
{
    struct mail mail = {0};

    if (mail_parse(&mail, sealed->data, sealed->length) != 0)
        fail("the mail itself is not read", NULL, sealed);
    mail.from = strdup("alice@a.test");
    for (size_t i = 0; i < people; i++)
        recipient_add(&mail, PEOPLE[i]);
    if (open_once(&mail, people, sealed) != VERDICT_CHANGED)
        fail("the mail itself is not taken any more", NULL, sealed);
    mail_free(&mail);
}

void break_sealed(long rounds)
{
    static const char *const types[] = {TYPE_ENVELOPE, TYPE_ADDRESSEES};
    struct text sealed[NAMED] = {{0}, {0}};
    long counts[VERDICT_DISCARD + 1] = {0};

    for (size_t i = 0; i < NAMED; i++)
        letter_seal(i + 1, &sealed[i]);
    for (long round = 0; round < rounds; round++) {
        size_t which = below(NAMED);
        struct mail mail = {0};
        struct text raw = {0};

        text_add(&raw, sealed[which].data, sealed[which].length);
        if (below(10) == 0)
            lists_swap(&raw, &sealed[below(NAMED)]);
        if (below(2))
            part_change(&raw, types[below(2)]);
        for (size_t changes = below(4); changes > 0; changes--)
            change(&raw);
        for (size_t more = below(3) + 1; more > 0; more--)
            recipient_add(&mail, PEOPLE[below(3) ? below(which + 1) : below(sizeof PEOPLE / sizeof *PEOPLE)]);
        mail.from = strdup(below(2) ? "alice@a.test" : "spy@else.test");
        if (mail_parse(&mail, raw.data, raw.length) == 0)
            counts[open_once(&mail, which + 1, &raw)]++;
        mail_free(&mail);
        text_free(&raw);
        if (round % 100 == 0)
            genuine_check(&sealed[which], which + 1);
    }
    for (size_t i = 0; i < NAMED; i++) {
        genuine_check(&sealed[i], i + 1);
        text_free(&sealed[i]);
    }
    if (rounds >= 1000 && (counts[VERDICT_CHANGED] < rounds / 50 || counts[VERDICT_REJECT] < rounds / 10))
        fail("the mails are broken too much, or too little", NULL, NULL);
    printf("%ld sealed mails broken: %ld opened as they were, %ld rejected, %ld passed as plain\n", rounds, counts[VERDICT_CHANGED],
           counts[VERDICT_REJECT], counts[VERDICT_PASS]);
}

/* Every allocation fails once. Gives how many there were. */
static long without_memory(const struct text *sealed, const char *author, size_t people, int seals)
{
    for (failing = 1;; failing++) {
        struct mail mail = {0};
        struct outcome outcome = {0};
        struct text results = {0};
        long which = failing;
        enum verdict verdict;

        failing = 0;
        if (sealed == NULL)
            letter_make(&mail, people, author);
        else if (mail_parse(&mail, sealed->data, sealed->length) == 0)
            mail.from = strdup("alice@a.test");
        for (size_t i = 0; sealed != NULL && i < people; i++)
            recipient_add(&mail, PEOPLE[i]);
        failing = which;
        allocations = 0;
        if (sealed != NULL) {
            verdict = open_once(&mail, people, sealed);
        } else {
            if (seals)
                seal_mail(sender, &mail, &outcome);
            else
                open_mail(reader, &mail, &outcome, &results);
            verdict = outcome.verdict;
        }
        failing = 0;
        /* Of a plain mail of somebody who seals the right answer is to reject it. */
        if (verdict != VERDICT_LATER && verdict != (sealed != NULL || seals ? VERDICT_CHANGED : VERDICT_REJECT))
            fail("without memory", &outcome, NULL);
        /* It was sealed before: whoever cannot see that for want of memory seals no second message. */
        if (sealed == NULL && verdict == VERDICT_CHANGED && strstr(outcome.say, ", again") == NULL)
            fail("without memory it is another message", &outcome, NULL);
        mail_free(&mail);
        outcome_free(&outcome);
        text_free(&results);
        failing = which;
        if (allocations < failing)
            break;
    }
    return allocations;
}

void fail_everywhere(void)
{
    struct text sealed[NAMED] = {{0}, {0}};
    long count = 0;

    /* What could not be compared differs in nothing. */
    reader->config->differing = ACTION_REJECT;
    for (size_t i = 0; i < NAMED; i++) {
        failing = 0;
        letter_seal(i + 1, &sealed[i]);
        count += without_memory(&sealed[i], NULL, i + 1, 0) + without_memory(NULL, "alice@a.test", i + 1, 1);
        failing = 0;
        genuine_check(&sealed[i], i + 1);
        text_free(&sealed[i]);
    }
    /* One of two recipients; and a mail that is not sealed. */
    failing = 0;
    letter_seal(NAMED, &sealed[0]);
    count += without_memory(&sealed[0], NULL, 1, 0) + without_memory(NULL, "alice@a.test", 1, 0);
    text_free(&sealed[0]);
    failing = 0;
    reader->config->differing = ACTION_ACCEPT;
    printf("%ld allocations failed, each once: nothing was rejected for it, and nothing left in clear\n", count);
}
