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
#include "hostile.h"

#include "keys.h"
#include "log.h"
#include "mime.h"
#include "results.h"
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

static const char *const PIECES[] = {"\r\n", "\n", "\r", "\r\n\r\n", ":", ";", "\"", "(", ")", "<", ">", ",", "@", "--", "=", "==", "\\", "\t ", "From ",
    "From:", "To: ", "Content-Type: application/vnd.bulla.envelope\r\n\r\n", "\r\nContent-Type: application/vnd.bulla.addressees\r\n\r\n",
    "Content-Type: application/vnd.bulla.receipt\r\n", "AAAC", "content-type: multipart/mixed; boundary=\"", "QlVMTEE", "Authentication-Results: ",
    "\xff", "", "Bcc:", "mx.b.test", "Authentication-Results: mx.b.test; bulla=pass", "; dkim=pass (", "\nAuthentication-Results:"};

static unsigned long state;

size_t below(size_t limit)
{
    state = state * 6364136223846793005UL + 1442695040888963407UL;
    return limit == 0 ? 0 : (size_t)(state >> 33) % limit;
}

void change(struct text *mail)
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
    struct text out = {0}, lists = {0}, results = {0};
    struct header other = {0};
    struct config ours = {.domain = (char *)(uintptr_t)"mx.b.test", .results = KEPT_OTHERS};

    results_other(&results, "mx.b.test", "none");
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
            results_go(mail.header.fields[i].value, &ours);
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
    for (int kept = KEPT_NONE; kept <= KEPT_ALL; kept++) {
        text_clear(&out);
        results_put(&out, bytes, "mx.b.test", (enum kept)kept, &results);
        /* Nothing is added but ours. */
        if (out.length > bytes->length + results.length + sizeof "Authentication-Results:\r\n")
            abort();
    }
    text_clear(&out);
    lines_to_lf(&out, bytes->data, bytes->length);
    text_clear(&out);
    lines_to_crlf(&out, bytes->data, bytes->length);
    text_free(&out);
    text_free(&lists);
    text_free(&results);
    header_free(&other);
    mail_free(&mail);
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
    ends_make(argv[3]);
    check_keys(argv[3]);
    check_results();
    fail_everywhere();
    break_sealed(rounds / 4);
    ends_free();
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
