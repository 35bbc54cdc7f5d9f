/*
 * Feeds broken mail to what reads mail, under the sanitizers of the compiler:
 *
 *     hostile SEED ROUNDS FOLDER FILE...
 *
 * The files are changed at random. Sealed mails are made here, with keys made for that, in the empty FOLDER: they are broken in
 * their envelopes, lists, parts and headers, and given to open_mail(). Whatever is opened must be the original, for those whom its
 * author named, and nothing that a stranger does may keep the mail itself from being taken afterwards. Then every allocation of the
 * host fails in its turn (--wrap, see run): nothing may be rejected, or leave in clear, for want of memory.
 */
#include "addressees.h"
#include "handed.h"
#include "log.h"
#include "mime.h"
#include "opening.h"
#include "sealing.h"
#include "submit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is said of broken mail is not looked at. */
void log_begin(const char *program, int to_syslog)
{
    (void)program, (void)to_syslog;
}
void log_info(const char *format, ...)
{
    (void)format;
}
void log_error(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    if (getenv("HOSTILE_LOG") != NULL) {
        vfprintf(stderr, format, values);
        fputs("\n", stderr);
    }
    va_end(values);
}

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

static const char *const PIECES[] = {"\r\n", "\n", "\r", "\r\n\r\n", ":", ";", "\"", "(", ")", "<", ">", ",", "@", "--", "=", "==", "\\", "\t ", "From ",
    "From:", "To: ", "Content-Type: application/vnd.bulla.envelope\r\n\r\n", "\r\nContent-Type: application/vnd.bulla.addressees\r\n\r\n",
    "Content-Type: application/vnd.bulla.receipt\r\n", "AAAC", "content-type: multipart/mixed; boundary=\"", "QlVMTEE", "Authentication-Results: ",
    "\xff", "", "Bcc:", "mx.b.test"};

static unsigned long state;

static size_t below(size_t limit)
{
    state = state * 6364136223846793005UL + 1442695040888963407UL;
    return limit == 0 ? 0 : (size_t)(state >> 33) % limit;
}

/* One change: bytes taken out, a piece put in, a byte made another. */
static void change(struct text *mail)
{
    struct text next = {0};
    size_t at = below(mail->length + 1), out = below(3) == 0 ? below(40) : 0;

    out = out > mail->length - at ? mail->length - at : out;
    text_add(&next, mail->data, at);
    if (below(2)) {
        const char *piece = PIECES[below(sizeof PIECES / sizeof *PIECES)];

        text_add(&next, piece, *piece == 0 ? 1 : strlen(piece));
    }
    text_add(&next, mail->data + at + out, mail->length - at - out);
    if (next.length > 0 && below(3) == 0)
        next.data[below(next.length)] = (char)below(256);
    text_free(mail);
    *mail = next;
}

static void read_all(const struct text *bytes)
{
    struct mail mail = {0};
    struct text out = {0}, lists = {0};
    struct header other = {0};

    if (mail_parse(&mail, bytes->data, bytes->length) == 0) {
        mime_find(&out, TYPE_ENVELOPE, &mail.header, mail.body.data, mail.body.length);
        text_clear(&out);
        mime_find(&out, TYPE_RECEIPT, &mail.header, mail.body.data, mail.body.length);
        text_clear(&out);
        mime_is_alone(TYPE_ENVELOPE, &mail.header, mail.body.data, mail.body.length, &out, &lists);
        for (size_t i = 0; i < mail.header.count; i++) {
            text_clear(&out);
            addresses_write(&out, mail.header.fields[i].value);
            text_clear(&out);
            address_first(&out, mail.header.fields[i].value);
            results_are_of(mail.header.fields[i].value, "mx.b.test");
        }
        text_clear(&out);
        headers_differ(&out, &mail.header, &other);
        headers_differ(&out, &mail.header, &mail.header);
        /* What is written is read again as the same. */
        text_clear(&out);
        header_write(&mail.header, &out, "\r\n");
        text_puts(&out, "\r\n");
        if (header_parse(&other, out.data, out.length) != (long)out.length || other.count != mail.header.count)
            abort();
    }
    text_clear(&out);
    lines_to_lf(&out, bytes->data, bytes->length);
    text_clear(&out);
    lines_to_crlf(&out, bytes->data, bytes->length);
    text_free(&out);
    text_free(&lists);
    header_free(&other);
    mail_free(&mail);
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
    default: text_add(&inside, PIECES[below(4)], 1); change(&inside);
    }
    text_add(&next, mail->data, (size_t)(begin + 4 - mail->data));
    base64_write(&next, (const uint8_t *)inside.data, inside.length, "\r\n");
    text_puts(&next, end + 2);
    text_free(mail);
    text_free(&inside);
    *mail = next;
}

/* What is opened is what was sealed, for whom it was sealed. */
static void opened_check(const struct mail *mail, size_t people, const struct outcome *outcome, const struct text *raw)
{
    struct text name = {0}, known = {0};

    if (outcome->body.length != sizeof BODY - 1 || memcmp(outcome->body.data, BODY, sizeof BODY - 1) != 0)
        fail("another body was opened", outcome, raw);
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

static void break_sealed(long rounds)
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
        if (below(2))
            part_change(&raw, types[below(2)]);
        for (size_t changes = below(4); changes > 0; changes--)
            change(&raw);
        for (size_t more = below(3) + 1; more > 0; more--)
            recipient_add(&mail, PEOPLE[below(3) ? below(which + 1) : below(sizeof PEOPLE / sizeof *PEOPLE)]);
        mail.from = strdup("alice@a.test");
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
        mail_free(&mail);
        outcome_free(&outcome);
        text_free(&results);
        failing = which;
        if (allocations < failing)
            break;
    }
    return allocations;
}

static void fail_everywhere(void)
{
    struct text sealed[NAMED] = {{0}, {0}};
    long count = 0;

    for (size_t i = 0; i < NAMED; i++) {
        failing = 0;
        letter_seal(i + 1, &sealed[i]);
        count += without_memory(&sealed[i], NULL, i + 1, 0) + without_memory(NULL, "alice@a.test", i + 1, 1);
        failing = 0;
        genuine_check(&sealed[i], i + 1);
        text_free(&sealed[i]);
    }
    count += without_memory(NULL, "alice@a.test", 1, 0);
    failing = 0;
    printf("%ld allocations failed, each once: nothing was rejected for it, and nothing left in clear\n", count);
}

/* What senders give as addresses comes into commands and header lines. */
static void check_addresses(void)
{
    static const char *const BAD[] = {"x@y>\r\nDATA\r\n", "x@y\nBcc: z@y", "-oQ/tmp@y", "a b@y", "a@y,b@y", "a", "", "\"a\"@y", "<a@y>", "a@y\x7f"};

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        if (address_is_plain(BAD[i])) {
            fprintf(stderr, "hostile: \"%s\" passes for an address\n", BAD[i]);
            exit(1);
        }
    if (!address_is_plain("bob+list@b.test") || !address_is_plain("j\xc3\xb6rg@b.test")) {
        fprintf(stderr, "hostile: an address does not pass for one\n");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    long rounds = argc > 4 ? atol(argv[2]) : 0;

    check_addresses();
    if (rounds <= 0)
        return fprintf(stderr, "usage: hostile SEED ROUNDS FOLDER FILE...\n"), 1;
    state = strtoul(argv[1], NULL, 10);
    end_make(argv[3], "a", "b");
    end_make(argv[3], "b", "a");
    sender = end_open(argv[3], "a");
    reader = end_open(argv[3], "b");
    fail_everywhere();
    break_sealed(rounds / 4);
    host_put(sender);
    host_put(reader);
    for (long i = 0; i < rounds; i++) {
        struct text mail = {0};

        if (file_read(argv[4 + below((size_t)argc - 4)], &mail, 1 << 20) != 0)
            return fprintf(stderr, "hostile: a file cannot be read\n"), 1;
        for (size_t changes = below(30); changes > 0; changes--)
            change(&mail);
        read_all(&mail);
        text_free(&mail);
    }
    printf("%ld broken mails read\n", rounds);
    return 0;
}
