#include "plain.h"

#include "authors.h"
#include "log.h"
#include "mime.h"
#include "outgoing.h"
#include "receipts.h"
#include "results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Whether this identity can open it, or could if it were not refused. 1, 0, or -1 if that cannot be told now. */
static int is_sealed_to_us(const struct host *host, const struct text *envelope)
{
    bulla_opener *opener = NULL;
    bulla_buffer *content = NULL;
    bulla_message *message = NULL;
    bulla_status status = bulla_opener_new_unguarded(host->identity, host->policy, &opener, NULL);

    if (status == BULLA_OK && (status = bulla_buffer_new(&content, NULL)) == BULLA_OK)
        status = bulla_open(opener, (const uint8_t *)envelope->data, envelope->length, content, &message, NULL);
    bulla_message_free(message);
    bulla_buffer_free(content);
    bulla_opener_free(opener);
    if (status == BULLA_OK || bulla_status_class(status) == BULLA_CLASS_REFUSED)
        return 1;
    return bulla_status_class(status) == BULLA_CLASS_NOT_ACCEPTABLE ? 0 : -1;
}

/* Bounces as mail servers write them: reports (RFC 6522), or those of qmail, which begin with these words (QSBMF). */
static int is_report(const struct mail *mail)
{
    static const char report[] = "multipart/report", qmail[] = "Hi. This is the";
    char *type;
    int is = 0;

    if (*mail->from != 0)
        return 0;
    if (mail->body.length >= sizeof qmail - 1 && memcmp(mail->body.data, qmail, sizeof qmail - 1) == 0)
        return 1;
    if ((type = header_value(&mail->header, "Content-Type")) != NULL)
        is = strncasecmp(type + strspn(type, " \t\r\n"), report, sizeof report - 1) == 0;
    free(type);
    return is;
}

int bounce_returns(const struct host *host, const struct mail *mail, const struct text *envelope)
{
    struct text lists = {0};
    int result = 0;

    if (!is_report(mail))
        return 0;
    errno = 0;
    if (mime_find(&lists, TYPE_ADDRESSEES, &mail->header, mail->body.data, mail->body.length) < 0 && errno == ENOMEM)
        result = -1;
    else if ((result = ours_is(host, (const uint8_t *)envelope->data, envelope->length, &lists)) == 0 &&
             (result = is_sealed_to_us(host, envelope)) >= 0)
        result = !result;
    text_free(&lists);
    return result;
}

void open_plain(const struct host *host, const struct mail *mail, struct outcome *outcome, struct text *results)
{
    struct text receipt = {0}, nothing = {0};
    int alone, refused, found;

    errno = 0;
    found = mime_find(&receipt, TYPE_RECEIPT, &mail->header, mail->body.data, mail->body.length);
    if (found < 0 && errno == ENOMEM) {
        outcome_set(outcome, VERDICT_LATER, "no memory");
    } else if (found == 1) {
        receipt_take(host, &receipt, outcome);
        text_clear(&receipt);
        alone = mime_is_alone(TYPE_RECEIPT, &mail->header, mail->body.data, mail->body.length, &receipt, &nothing);
        if (alone <= 0)
            log_info("from <%s>: a receipt with other content beside it: %s", mail->from, outcome->say);
        if (alone < 0)
            outcome_set(outcome, VERDICT_LATER, "no memory");
        found = alone != 0 || *mail->from == 0 || outcome->verdict == VERDICT_LATER;
    } else if (found < 0) {
        log_error("from <%s>: a receipt that cannot be decoded", mail->from);
        found = 0;
    }
    text_free(&receipt);
    text_free(&nothing);
    if (found)
        return;
    refused = plain_is_refused(host, mail);
    if (refused < 0) {
        outcome_set(outcome, VERDICT_LATER, "no memory");
    } else if (refused > 0) {
        outcome_set(outcome, VERDICT_REJECT, "not sealed, but its author seals");
    } else {
        results_other(results, host->config->domain, "none");
        outcome_set(outcome, VERDICT_PASS, "not sealed");
    }
}

