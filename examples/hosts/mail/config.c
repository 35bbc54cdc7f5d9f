#include "config.h"

#include "address.h"
#include "log.h"
#include "submit.h"
#include "text.h"

#include <bulla.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum kind { STRING, SECONDS, BYTES, ROLE, ACTION, PLAIN, MIXED, LOCAL, RECEIPTS, RESULTS };

#define AT(member) offsetof(struct config, member)

/* Every name that may stand in the file; what is not given is as in the last column. */
static const struct { const char *name; enum kind kind; size_t at; const char *usual; } NAMES[] = {
    {"role", ROLE, AT(role), NULL},                          /* seal, or open */
    {"socket", STRING, AT(socket), NULL},                    /* where the mail server finds the milter: inet:8891@127.0.0.1 */
    {"control", STRING, AT(control), NULL},                  /* open: the socket on which deliveries are confirmed */
    {"user", STRING, AT(user), NULL},                        /* whom to become, if started as root: it must be given then */
    {"identity", STRING, AT(identity), NULL},                /* the key file of this host */
    {"passphrase_file", STRING, AT(passphrase_file), NULL},  /* holds the passphrase of the key file, in its first line */
    {"keys", STRING, AT(keys), NULL},                        /* the key table: addresses, domains and identities */
    {"context", STRING, AT(context), "smtp"},                /* the same at both ends */
    {"domain", STRING, AT(domain), NULL},                    /* the name of this host in Authentication-Results */
    {"state", STRING, AT(state), NULL},                      /* folder for guard, outbox and what is under way */
    {"guard", STRING, AT(guard), "file"},                    /* file, or the URL of a Redis server */
    {"submit", STRING, AT(submit), NULL},                    /* smtp:HOST:PORT, or a command such as /usr/sbin/sendmail */
    {"address", STRING, AT(address), NULL},                  /* the From address of receipts and notices */
    {"receipts_to", STRING, AT(receipts_to), NULL},          /* where receipts go; else to the author */
    {"subject", STRING, AT(subject), "Sealed message"},      /* what relays see instead of the subject */
    {"confirm", STRING, AT(confirm), "bulla-confirm.invalid"}, /* open: the domain by which the queue confirms */
    {"leave", STRING, AT(leave), NULL},                      /* open: recipients whose mail stays sealed for bulla-deliver */
    {"log", STRING, AT(log), "syslog"},                      /* syslog, or stderr */
    {"receipts", RECEIPTS, AT(receipts), "delivered"},       /* none, delivered or stored */
    {"expires", SECONDS, AT(expires), "7d"},                 /* how long a sealed mail is good */
    {"deadline", SECONDS, AT(deadline), "5d"},               /* after this time without receipt the author is told */
    {"resend_first", SECONDS, AT(resend_first), "1h"},       /* how long to wait for a receipt before sending again */
    {"resend_longest", SECONDS, AT(resend_longest), "12h"},  /* the longest wait between two times */
    {"keep", SECONDS, AT(keep), "30d"},                      /* how long the outbox remembers what is settled */
    {"lease", SECONDS, AT(lease), "5m"},                     /* open: how long the queue may take to confirm */
    {"skew", SECONDS, AT(skew), "2m"},                       /* how far the clocks of two hosts may differ */
    {"max_message", BYTES, AT(max_message), "50M"},
    {"copies", ACTION, AT(copies), "discard"},               /* a copy of what was delivered: the same receipt again, or... */
    {"refused", ACTION, AT(refused), "reject"},              /* authentic, but expired, of a wrong sender, ... */
    {"damaged", ACTION, AT(damaged), "reject"},              /* not authentic */
    {"differing", ACTION, AT(differing), "accept"},          /* header of the outer message is not that of the inner one */
    {"recipients", ACTION, AT(recipients), "reject"},        /* the mail goes to somebody whom its author did not name */
    {"local_part", LOCAL, AT(local_part), "no-case"},        /* whether Bob@ and bob@ are the same: no-case, or case if they are two */
    {"delimiter", STRING, AT(delimiter), NULL},              /* bob+x@ is bob@, if "+" is one of these characters */
    {"mixed", MIXED, AT(mixed), "refuse"},                   /* seal: recipients who are not all sealed to */
    {"plain", PLAIN, AT(plain), "refuse-known"},             /* mail that is not sealed */
    {"results", RESULTS, AT(results), "none"},               /* which results in our name, given before us, stay */
};
#define NAME_COUNT (sizeof NAMES / sizeof *NAMES)

static int number_read(const char *value, const char *units, const uint64_t *factors, uint64_t *number)
{
    char *end;
    const char *unit;
    unsigned long long read;

    if (!isdigit((unsigned char)*value))
        return -1;
    errno = 0;
    read = strtoull(value, &end, 10);
    unit = *end == 0 ? units : strchr(units, *end);
    if (errno != 0 || unit == NULL || (*end != 0 && end[1] != 0) || read > UINT64_MAX / factors[unit - units])
        return -1;
    *number = read * factors[unit - units];
    return 0;
}

static int word_read(const char *value, const char *const *words, int *number)
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(value, words[i]) == 0)
            return *number = i, 0;
    return -1;
}

static int value_read(struct config *config, size_t which, const char *value)
{
    static const char *const roles[] = {"", "seal", "open", NULL};
    static const char *const actions[] = {"reject", "quarantine", "accept", "discard", NULL};
    static const char *const plains[] = {"accept", "refuse-known", "refuse", NULL};
    static const char *const locals[] = {"no-case", "case", NULL};
    static const char *const mixed[] = {"refuse", "split", NULL};
    static const char *const results[] = {"none", "others", "all", NULL};
    static const char *const receipts[] = {"none", "delivered", "stored", NULL};
    static const uint32_t asked[] = {0, BULLA_RECEIPT_DELIVERED | BULLA_RECEIPT_STORED | BULLA_RECEIPT_REJECTED,
                                     BULLA_RECEIPT_STORED | BULLA_RECEIPT_REJECTED};
    static const uint64_t seconds[] = {1, 60, 3600, 86400}, bytes[] = {1, 1024, 1048576};
    char *place = (char *)config + NAMES[which].at;
    int word;

    switch (NAMES[which].kind) {
    case STRING:
        free(*(char **)(void *)place);
        return (*(char **)(void *)place = strdup(value)) == NULL ? -1 : 0;
    case SECONDS:
        return number_read(value, "smhd", seconds, (uint64_t *)(void *)place);
    case BYTES:
        return number_read(value, "bKM", bytes, (uint64_t *)(void *)place);
    case ROLE:
        return word_read(value, roles, &word) != 0 ? -1 : (config->role = (enum role)word, 0);
    case ACTION:
        return word_read(value, actions, &word) != 0 ? -1 : (*(enum action *)(void *)place = (enum action)word, 0);
    case PLAIN:
        return word_read(value, plains, &word) != 0 ? -1 : (config->plain = (enum plain)word, 0);
    case LOCAL:
        return word_read(value, locals, &word) != 0 ? -1 : (config->local_part = (enum local)word, 0);
    case MIXED:
        return word_read(value, mixed, &word) != 0 ? -1 : (config->mixed = (enum mixed)word, 0);
    case RECEIPTS:
        return word_read(value, receipts, &word) != 0 ? -1 : (config->receipts = asked[word], 0);
    case RESULTS:
        return word_read(value, results, &word) != 0 ? -1 : (config->results = (enum kept)word, 0);
    }
    return -1;
}

static char *trimmed(char *from, char *end)
{
    while (from < end && isspace((unsigned char)*from))
        from++;
    while (end > from && isspace((unsigned char)end[-1]))
        end--;
    *end = 0;
    return from;
}

/* One line: empty, a comment, or "name = value". */
static int line_read(struct config *config, const char *path, int number, char *line)
{
    char *equals = strchr(line, '='), *name, *value;

    line = trimmed(line, line + strlen(line));
    if (*line == 0 || *line == '#')
        return 0;
    if (equals == NULL)
        return log_error("%s, line %d: not \"name = value\"", path, number), -1;
    value = trimmed(equals + 1, equals + 1 + strlen(equals + 1));
    name = trimmed(line, equals);
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (strcmp(name, NAMES[i].name) != 0)
            continue;
        if (value_read(config, i, value) != 0)
            return log_error("%s, line %d: \"%s\" is nothing that %s can be", path, number, value, name), -1;
        return 0;
    }
    return log_error("%s, line %d: there is no setting named \"%s\"", path, number, name), -1;
}

/* The name of a host as it stands in a command of SMTP, a Message-ID and Authentication-Results: there it needs no quotes. */
static int is_name(const char *name)
{
    size_t length = strlen(name), i = 0;

    while (i < length && (isalnum((unsigned char)name[i]) || strchr("-_.", name[i]) != NULL || (unsigned char)name[i] >= 0x80))
        i++;
    return i == length && length > 0 && length <= 255 && name[0] != '.' && name[length - 1] != '.';
}

/* smtp:HOST:PORT, or the path of a command: what it is run with is given. */
static int is_way_out(const char *submit)
{
    const char *port = strrchr(submit, ':');

    if (strncmp(submit, "smtp:", 5) != 0)
        return *submit == '/' && strpbrk(submit, " \t") == NULL;
    if (port <= submit + 5)
        return 0;
    port++;
    return isalpha((unsigned char)*port) || (strspn(port, "0123456789") == strlen(port) && atol(port) > 0 && atol(port) <= 65535);
}

/* What would be found wrong only when it is needed: without a receipt, or a notice. */
static int sensible(const struct config *config, const char *path)
{
    const struct { const char *name, *value; } addresses[] = {{"address", config->address}, {"receipts_to", config->receipts_to}};

    for (size_t i = 0; i < 2; i++)
        if (addresses[i].value != NULL && !address_is_plain(addresses[i].value))
            return log_error("%s: %s is \"%s\": it must be one address, such as postmaster@example.org", path, addresses[i].name,
                             addresses[i].value),
                   -1;
    if (!is_name(config->domain) || !is_name(config->confirm))
        return log_error("%s: domain and confirm must be names of hosts, such as mx.example.org", path), -1;
    if (config->submit != NULL && !is_way_out(config->submit))
        return log_error("%s: submit is \"%s\": it must be smtp:HOST:PORT or the path of a command", path, config->submit), -1;
    return 0;
}

/* What no host of mail can do without. */
static int complete(const struct config *config, const char *path)
{
    if (config->identity == NULL || config->keys == NULL || config->state == NULL || config->domain == NULL)
        return log_error("%s: identity, keys, state and domain must be given", path), -1;
    if ((config->submit == NULL) != (config->address == NULL))
        return log_error("%s: submit and address go together: how receipts and notices are sent, and as whom", path), -1;
    if (config->lease == 0 || config->expires == 0)
        return log_error("%s: lease and expires cannot be 0", path), -1;
    if (config->deadline > config->expires)
        return log_error("%s: deadline cannot be after expires: what is sent again then is refused", path), -1;
    if (config->refused == ACTION_ACCEPT || config->damaged == ACTION_ACCEPT || config->copies == ACTION_ACCEPT ||
        config->refused == ACTION_DISCARD || config->damaged == ACTION_DISCARD || config->differing == ACTION_DISCARD ||
        config->recipients == ACTION_DISCARD)
        return log_error("%s: refused and damaged are reject or quarantine; copies may also be discard, differing and recipients accept",
                         path),
               -1;
    return 0;
}

struct config *config_read(const char *path)
{
    struct config *config = calloc(1, sizeof *config);
    struct text file = {0};
    int result = config == NULL ? -1 : 0, number = 0;
    char *line, *next;

    for (size_t i = 0; result == 0 && i < NAME_COUNT; i++)
        if (NAMES[i].usual != NULL)
            result = value_read(config, i, NAMES[i].usual);
    if (result == 0 && file_read(path, &file, 1 << 20) != 0) {
        log_error("%s cannot be read: %s", path, strerror(errno));
        result = -1;
    }
    for (line = file.data; result == 0 && line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = 0;
        result = line_read(config, path, ++number, line);
    }
    text_free(&file);
    if (result == 0 && complete(config, path) == 0 && sensible(config, path) == 0)
        return config;
    config_free(config);
    return NULL;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (NAMES[i].kind == STRING)
            free(*(char **)(void *)((char *)config + NAMES[i].at));
    free(config);
}

/* Whether an address, or its domain, is in a list. */
static int is_listed(const char *list, const char *address, const char *domain)
{
    char item[ADDRESS_ROOM], name[ADDRESS_ROOM];

    while (list != NULL && *list != 0) {
        size_t length;

        list += strspn(list, " \t,");
        length = strcspn(list, " \t,");
        if (length > 0 && length < sizeof item) {
            memcpy(item, list, length);
            item[length] = 0;
            if (address_normal(item, NULL, 1, name, sizeof name) < sizeof name && (strcmp(name, address) == 0 || strcmp(name, domain) == 0))
                return 1;
        }
        list += length;
    }
    return 0;
}

enum left config_leaves(const struct config *config, const char *address)
{
    char name[ADDRESS_ROOM], domain[ADDRESS_ROOM];

    if (address_domain(address, domain, sizeof domain) >= sizeof domain)
        return LEFT_NOT;
    if (address_normal(address, NULL, 1, name, sizeof name) >= sizeof name)
        *name = 0; /* too long for any list; its domain is not */
    if (is_listed(config->leave, name, domain))
        return LEFT;
    if (config->delimiter != NULL && address_normal(address, config->delimiter, 1, name, sizeof name) < sizeof name &&
        is_listed(config->leave, name, domain))
        return LEFT_PERHAPS;
    return LEFT_NOT;
}
