// The guard of a fleet, over a real server: its URL is the argument. Compiled with and without exceptions, for a library with Redis
// (tests/c/run redis).
#include "harness.hpp"

namespace {

std::string server;

bulla::redis_settings settings() {
    bulla::redis_settings how;
    how.prefix = "cpp";
    how.connect_timeout = 5000;
    how.response_timeout = 5000;
    how.connections = 2;
    return how;
}

} // namespace

TEST(a_server_remembers_for_the_whole_fleet) {
    CHECK(bulla_has_feature("redis") == 1);
    pair people;
    const auto first = MUST(bulla::guard::redis(server, settings()));
    const auto id = MUST(first.store_id());
    CHECK(id && !id->empty());
    auto same = settings();
    same.expected_store = *id;
    same.how_much = bulla_guard_limits{1000, 0, 0, 0};
    const auto second = MUST(bulla::guard::redis(server, same));
    CHECK(MUST(second.store_id()) == id);

    const auto sealed = MUST(people.sealer().seal(pair::draft(), "once"));
    MUST(MUST(bulla::opener::make(people.bob, people.policy(), first)).open(sealed.envelope));
    FAILS(MUST(bulla::opener::make(people.bob, people.policy(), second)).open(sealed.envelope), BULLA_REPLAYED);
    // Another prefix is another guard, which knows nothing of it.
    auto other = settings();
    other.prefix = "cpp-other";
    const auto third = MUST(bulla::guard::redis(server, other));
    MUST(MUST(bulla::opener::make(people.bob, people.policy(), third)).open(sealed.envelope));
    FAILS(third.counts(), BULLA_INVALID_INPUT); // Only a guard in a file is looked into.
}

TEST(a_lease_is_one_for_the_whole_fleet) {
    pair people;
    const auto first = MUST(bulla::guard::redis(server, settings()));
    const auto second = MUST(bulla::guard::redis(server, settings()));
    const auto here = MUST(bulla::opener::make(people.bob, people.policy(), first));
    const auto there = MUST(bulla::opener::make(people.bob, people.policy(), second));
    const auto sealed = MUST(people.sealer().seal(pair::draft(), "one of us"));
    {
        const auto leased = MUST(here.open_leased(sealed.envelope, 60));
        static_cast<void>(leased);
        FAILS(there.open(sealed.envelope), BULLA_PENDING);
    }
    MUST(there.open(sealed.envelope)); // It was released.
}

TEST(what_is_no_setting_is_refused) {
    for (const std::uint32_t wrong : {60001U, UINT32_MAX}) {
        auto how = settings();
        how.connect_timeout = wrong;
        FAILS(bulla::guard::redis(server, how), BULLA_INVALID_INPUT);
        how = settings();
        how.response_timeout = wrong;
        FAILS(bulla::guard::redis(server, how), BULLA_INVALID_INPUT);
    }
    auto how = settings();
    how.prefix = "a b";
    FAILS(bulla::guard::redis(server, how), BULLA_INVALID_INPUT);
    how = settings();
    how.client_key = "a key without its certificate";
    FAILS(bulla::guard::redis(server, how), BULLA_INVALID_INPUT);
    how = settings();
    how.expected_store = std::string(32, '0');
    FAILS(bulla::guard::redis(server, how), BULLA_GUARD_UNAVAILABLE);
    how = settings();
    how.connect_timeout = 200;
    FAILS(bulla::guard::redis("unix:///nowhere/redis.socket", how), BULLA_GUARD_UNAVAILABLE);
}

int main(int count, char** arguments) {
    CHECK(count == 2);
    server = arguments[1];
    return harness::main();
}
