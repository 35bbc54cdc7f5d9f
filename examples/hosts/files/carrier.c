#define _POSIX_C_SOURCE 200809L
#include "carrier.h"

#include "command.h"
#include "here.h"
#include "place.h"
#include "reach.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOWEST = 1000 }; /* bytes per second; what is slower creeps */
enum { BUFFER_LEAST = 1 << 14, BUFFER_MOST = 1 << 18 }; /* the least that libcurl allows, and more than is of use */

struct carrier {
    CURL *curl;
    struct carrier_options options;
    struct reach reach;
    double moved; /* when the transfer in hand last came further */
    long stall;   /* for how long it may stand still */
    curl_off_t bytes;
    char known_hosts[LONGEST];
    char trouble[CURL_ERROR_SIZE + 64];
};

struct carrier *carrier_new(const struct carrier_options *options)
{
    struct carrier *carrier = calloc(1, sizeof *carrier);
    const char *home = getenv("HOME");

    if (carrier == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (carrier->curl = curl_easy_init()) == NULL) {
        free(carrier);
        return NULL;
    }
    carrier->options = *options;
    if (options->known_hosts != NULL)
        snprintf(carrier->known_hosts, sizeof carrier->known_hosts, "%s", options->known_hosts);
    else
        snprintf(carrier->known_hosts, sizeof carrier->known_hosts, "%s/.ssh/known_hosts", home != NULL ? home : "");
    return carrier;
}

const char *carrier_trouble(const struct carrier *carrier)
{
    return carrier->trouble;
}

void carrier_free(struct carrier *carrier)
{
    if (carrier != NULL)
        curl_easy_cleanup(carrier->curl);
    free(carrier);
}

const char *carrier_refuses(const char *folder)
{
    static struct place place;

    return place_find(folder, "name", &place);
}

const char *carrier_refuses_name(const char *name)
{
    return place_refuses(name);
}

static long stall_of(const struct carrier *carrier)
{
    return carrier->options.stall > 0 ? (long)carrier->options.stall : 60L;
}

/* libcurl sends a buffer at once, and then rests until that is within the rate: several times while an upload may stand still. */
static long buffer_of(const struct carrier *carrier)
{
    uint64_t rate = carrier->options.rate, quarter = rate * (uint64_t)stall_of(carrier) / 4;

    if (rate == 0 || rate > BUFFER_MOST || quarter > BUFFER_MOST)
        return BUFFER_MOST;
    return quarter < BUFFER_LEAST ? BUFFER_LEAST : (long)quarter;
}

/* For how long an upload may stand still: not less than the rate itself makes it rest. */
static long upload_stall_of(const struct carrier *carrier)
{
    uint64_t rest = carrier->options.rate > 0 ? 2 + 2 * (uint64_t)buffer_of(carrier) / carrier->options.rate : 0;

    return rest > (uint64_t)stall_of(carrier) ? (long)rest : stall_of(carrier);
}

/* libcurl's own clock for what is slow does not run while SSH opens a file, or waits for the answer. */
static int look_at_clock(void *context, curl_off_t whole, curl_off_t got, curl_off_t all, curl_off_t sent)
{
    struct carrier *carrier = context;

    (void)whole, (void)all;
    if (got + sent != carrier->bytes) {
        carrier->bytes = got + sent;
        carrier->moved = clock_now();
    }
    return (carrier->options.ended != NULL && *carrier->options.ended) || clock_now() - carrier->moved > (double)carrier->stall;
}

/* Sets what all transfers have in common; connections that are open are used again. */
static void prepare(struct carrier *carrier, const char *url)
{
    CURL *curl = carrier->curl;
    const struct carrier_options *options = &carrier->options;

    curl_easy_reset(curl);
    carrier->trouble[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, carrier->trouble);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "sftp,ftp,ftps,http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, options->rate > 0 && options->rate / 2 < SLOWEST ? (long)options->rate / 2 : SLOWEST);
    carrier->stall = stall_of(carrier);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, carrier->stall);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_at_clock);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, carrier);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
    if (options->netrc != NULL)
        curl_easy_setopt(curl, CURLOPT_NETRC_FILE, options->netrc);
    /* Without this libcurl takes any host for the right one. */
    curl_easy_setopt(curl, CURLOPT_SSH_KNOWNHOSTS, carrier->known_hosts);
    curl_easy_setopt(curl, CURLOPT_SSH_AUTH_TYPES, (long)(CURLSSH_AUTH_PUBLICKEY | CURLSSH_AUTH_AGENT | CURLSSH_AUTH_PASSWORD));
    if (options->ssh_key != NULL)
        curl_easy_setopt(curl, CURLOPT_SSH_PRIVATE_KEYFILE, options->ssh_key);
    if (options->authorities != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, options->authorities);
    if (options->require_tls)
        curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
    if (options->rate > 0)
        curl_easy_setopt(curl, CURLOPT_MAX_SEND_SPEED_LARGE, (curl_off_t)options->rate);
}

static enum carried carried(struct carrier *carrier, CURLcode code)
{
    if (code != CURLE_OK && carrier->trouble[0] == '\0')
        snprintf(carrier->trouble, sizeof carrier->trouble, "%s", curl_easy_strerror(code));
    return code == CURLE_OK ? CARRIED : CARRIED_FAILED;
}

/* Goes, and remembers a server that does not answer. */
static CURLcode go(struct carrier *carrier)
{
    double began = clock_now();
    char *url = NULL;

    carrier->moved = began;
    carrier->bytes = 0;
    CURLcode code = curl_easy_perform(carrier->curl);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        snprintf(carrier->trouble, sizeof carrier->trouble, clock_now() - carrier->moved > (double)carrier->stall
                 ? "it stood still for %ld s" : "it is to end", carrier->stall);
    if (curl_easy_getinfo(carrier->curl, CURLINFO_EFFECTIVE_URL, &url) != CURLE_OK || url == NULL)
        return code;
    /* The longer it took to find out that nobody answers, the longer it is left alone. */
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT ||
        code == CURLE_ABORTED_BY_CALLBACK)
        reach_lost(&carrier->reach, url, carrier->bytes == 0 ? 2 + 2 * (clock_now() - began) : 2);
    return code;
}

/* libcurl takes only 400 and more for a failure. Whatever is no 2xx has done nothing, and nobody has said that a file may go to where
 * a server refers to. */
static CURLcode perform(struct carrier *carrier, enum scheme scheme)
{
    CURLcode code = go(carrier);
    const char *elsewhere = NULL;
    long answer = 0;

    if (code != CURLE_OK || scheme != HTTP)
        return code;
    if (curl_easy_getinfo(carrier->curl, CURLINFO_RESPONSE_CODE, &answer) == CURLE_OK && answer >= 200 && answer < 300)
        return code;
    if (curl_easy_getinfo(carrier->curl, CURLINFO_REDIRECT_URL, &elsewhere) == CURLE_OK && elsewhere != NULL)
        snprintf(carrier->trouble, sizeof carrier->trouble, "the server answers %ld and refers to %.200s: name that folder if it is right",
                 answer, elsewhere);
    else
        snprintf(carrier->trouble, sizeof carrier->trouble, "the server answers %ld, which is no success", answer);
    return CURLE_HTTP_RETURNED_ERROR;
}

/* What is short is done soon, or not at all. */
static void hurry(struct carrier *carrier)
{
    curl_easy_setopt(carrier->curl, CURLOPT_TIMEOUT, stall_of(carrier));
}

/* Whether to go there at all: CARRIED, or why not. */
static enum carried begin(struct carrier *carrier, const char *folder, const char *name, struct place *place)
{
    const char *wrong = place_find(folder, name, place);

    carrier->trouble[0] = '\0';
    if (wrong == NULL && carrier->options.require_tls && strncmp(place->url, "http:", 5) == 0)
        wrong = "--require-tls was said, and http:// has none: write https://";
    if (wrong != NULL) {
        snprintf(carrier->trouble, sizeof carrier->trouble, "%s", wrong);
        return CARRIED_FAILED;
    }
    if (place->scheme == LOCAL || !reach_is_lost(&carrier->reach, place->url))
        return CARRIED;
    snprintf(carrier->trouble, sizeof carrier->trouble, "its server could not be reached a moment ago");
    return CARRIED_NOT_TRIED;
}

int carrier_is_away(struct carrier *carrier, const char *folder)
{
    static struct place place;

    return begin(carrier, folder, "name", &place) == CARRIED_NOT_TRIED;
}

/* Gives commands to the server, and no more. */
static enum carried ask(struct carrier *carrier, const struct place *place, struct curl_slist *list)
{
    if (list == NULL)
        return carried(carrier, CURLE_OUT_OF_MEMORY);
    prepare(carrier, place->folder_url);
    hurry(carrier);
    curl_easy_setopt(carrier->curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(carrier->curl, CURLOPT_POSTQUOTE, list);
    enum carried done = carried(carrier, perform(carrier, place->scheme));
    curl_slist_free_all(list);
    return done;
}

static enum carried here(struct carrier *carrier, enum carried done)
{
    snprintf(carrier->trouble, sizeof carrier->trouble, "%s", done == CARRIED_FAILED ? strerror(errno) : "");
    return done;
}

/* An upload on its way. */
struct flow { const struct cargo *cargo; uint64_t place; int too_long; };

static size_t give(char *piece, size_t size, size_t count, void *context)
{
    struct flow *flow = context;
    long got = flow->cargo->read(flow->cargo->context, (unsigned char *)piece, size * count);

    if (got < 0)
        return CURL_READFUNC_ABORT;
    flow->place += (uint64_t)got;
    if (flow->cargo->progress != NULL)
        flow->cargo->progress(flow->cargo->context, flow->place);
    return (size_t)got;
}

static int go_to(void *context, curl_off_t place, int origin)
{
    struct flow *flow = context;

    if (origin != SEEK_SET || place < 0)
        return CURL_SEEKFUNC_CANTSEEK;
    /* What lies there is not the beginning of this. */
    flow->too_long = (uint64_t)place > flow->cargo->length;
    if (flow->too_long || !flow->cargo->seek(flow->cargo->context, (uint64_t)place))
        return CURL_SEEKFUNC_FAIL;
    flow->place = (uint64_t)place;
    return CURL_SEEKFUNC_OK;
}

static CURLcode send_it(struct carrier *carrier, const struct place *place, struct flow *flow, int resume, struct curl_slist *after)
{
    CURL *curl = carrier->curl;

    flow->place = 0;
    flow->too_long = 0;
    if (!flow->cargo->seek(flow->cargo->context, 0)) {
        snprintf(carrier->trouble, sizeof carrier->trouble, "what is to be sent cannot be read");
        return CURLE_READ_ERROR;
    }
    prepare(carrier, place->url);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    carrier->stall = upload_stall_of(carrier);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, carrier->stall);
    /* SFTP waits for an answer after each of these: the usual 64 kB are slow. */
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, buffer_of(carrier));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, flow);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, go_to);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, flow);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)flow->cargo->length);
    /* -1: libcurl asks how much is there, and goes on after that. */
    if (resume)
        curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)-1);
    curl_easy_setopt(curl, CURLOPT_POSTQUOTE, after);
    return perform(carrier, place->scheme);
}

/* Most servers say no more than this when their disk is full, and libcurl no more than that it could not send. */
static CURLcode broken_off(struct carrier *carrier, CURLcode code, const struct flow *flow)
{
    size_t length = strlen(carrier->trouble);

    if (flow->place == 0 || (code != CURLE_SSH && code != CURLE_SEND_ERROR && code != CURLE_UPLOAD_FAILED && code != CURLE_PARTIAL_FILE))
        return code;
    snprintf(carrier->trouble + length, sizeof carrier->trouble - length, "%s; the server broke off: perhaps its disk is full",
             length > 0 ? "" : curl_easy_strerror(code));
    return code;
}

enum carried carrier_upload(struct carrier *carrier, const char *folder, const char *name, const struct cargo *cargo)
{
    static struct place place, final;
    struct flow flow = {cargo, 0, 0};
    char temporary[LONGEST];
    struct curl_slist *after = NULL;
    enum carried may;

    snprintf(temporary, sizeof temporary, "%s.part", name);
    if ((may = begin(carrier, folder, temporary, &place)) != CARRIED || (may = begin(carrier, folder, name, &final)) != CARRIED)
        return may;
    if (place.scheme == LOCAL)
        return here(carrier, here_upload(place.folder, temporary, name, cargo));
    if (place.scheme == HTTP)
        return carried(carrier, broken_off(carrier, send_it(carrier, &final, &flow, 0, NULL), &flow));
    if ((after = command_rename(&place, temporary, name)) == NULL)
        return carried(carrier, CURLE_OUT_OF_MEMORY);
    CURLcode code = send_it(carrier, &place, &flow, 1, after);
    /* An earlier upload left more than there is to send: it is not ours, and is written over. */
    if (code != CURLE_OK && flow.too_long)
        code = send_it(carrier, &place, &flow, 0, after);
    curl_slist_free_all(after);
    return carried(carrier, broken_off(carrier, code, &flow));
}

/* Where a short file is put. */
struct room { unsigned char *data; size_t size; size_t length; };

static size_t put_in(char *piece, size_t size, size_t count, void *context)
{
    struct room *room = context;

    if (size * count > room->size - room->length)
        return 0; /* too long: the transfer fails */
    memcpy(room->data + room->length, piece, size * count);
    room->length += size * count;
    return size * count;
}

/* Whether that it failed means that there is no such file. */
static int is_absent(CURL *curl, CURLcode code, enum scheme scheme)
{
    long answer = 0;

    if (scheme == HTTP && code == CURLE_HTTP_RETURNED_ERROR)
        return curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer) == CURLE_OK && (answer == 404 || answer == 410);
    return code == CURLE_REMOTE_FILE_NOT_FOUND;
}

enum carried carrier_fetch(struct carrier *carrier, const char *folder, const char *name, unsigned char *data, size_t size,
                           size_t *length)
{
    static struct place place;
    struct room room = {data, size, 0};
    enum carried may = begin(carrier, folder, name, &place);

    if (may != CARRIED)
        return may;
    if (place.scheme == LOCAL)
        return here(carrier, here_fetch(place.folder, name, data, size, length));
    prepare(carrier, place.url);
    hurry(carrier);
    curl_easy_setopt(carrier->curl, CURLOPT_WRITEFUNCTION, put_in);
    curl_easy_setopt(carrier->curl, CURLOPT_WRITEDATA, &room);
    CURLcode code = perform(carrier, place.scheme);
    *length = room.length;
    return is_absent(carrier->curl, code, place.scheme) ? CARRIED_NOTHING : carried(carrier, code);
}

enum carried carrier_remove(struct carrier *carrier, const char *folder, const char *name)
{
    static struct place place;

    enum carried may = begin(carrier, folder, name, &place);

    if (may != CARRIED)
        return may;
    switch (place.scheme) {
    case LOCAL: return here(carrier, here_remove(place.folder, name));
    case HTTP:
        prepare(carrier, place.url);
        hurry(carrier);
        curl_easy_setopt(carrier->curl, CURLOPT_CUSTOMREQUEST, "DELETE");
        curl_easy_setopt(carrier->curl, CURLOPT_NOBODY, 1L);
        return carried(carrier, perform(carrier, place.scheme));
    default: return ask(carrier, &place, command_add(NULL, &place, place.scheme == SFTP ? "rm" : "DELE", name));
    }
}
