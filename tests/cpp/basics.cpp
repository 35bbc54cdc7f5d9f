// Views, results, ownership, identities, sealing, opening, streams. Compiled with and without exceptions.
#include "harness.hpp"

#include <array>
#include <thread>
#include <type_traits>
#if __cplusplus >= 202002L
#include <span>
#endif

// Handles can be moved, and not copied; results are looked at.
template <class T>
constexpr bool moves_only = std::is_nothrow_move_constructible_v<T> && !std::is_copy_constructible_v<T>;
static_assert(moves_only<bulla::identity> && moves_only<bulla::public_identity> && moves_only<bulla::sealer>);
static_assert(moves_only<bulla::draft> && moves_only<bulla::opener> && moves_only<bulla::guard> && moves_only<bulla::lease>);
static_assert(moves_only<bulla::answer> && moves_only<bulla::message> && moves_only<bulla::buffer> && moves_only<bulla::store>);
static_assert(moves_only<bulla::receipt> && moves_only<bulla::question> && moves_only<bulla::settled>);
static_assert(std::is_nothrow_copy_constructible_v<bulla::error>);
// Wider elements, and things that are no bytes, are not taken for bytes.
static_assert(!std::is_convertible_v<std::vector<int>, bulla::bytes_view>);
static_assert(!std::is_convertible_v<std::u16string, bulla::bytes_view>);
static_assert(!std::is_convertible_v<int, bulla::bytes_view> && !std::is_constructible_v<bulla::bytes_view, std::nullptr_t>);

TEST(views_take_what_holds_bytes) {
    const std::string text("a\0b", 3);
    const std::vector<std::uint8_t> vector{1, 2, 3};
    const std::array<std::byte, 2> array{std::byte{1}, std::byte{2}};
    const std::uint8_t plain[] = {7, 8};
    CHECK(bulla::bytes_view(text).size() == 3);
    CHECK(bulla::bytes_view(std::string_view(text).substr(1)).size() == 2);
    CHECK(bulla::bytes_view("abc").size() == 3);
    CHECK(bulla::bytes_view(vector) == bulla::bytes_view(vector.data(), 3));
    CHECK(bulla::bytes_view(array).size() == 2);
    CHECK(bulla::bytes_view(plain).data()[1] == 8);
    CHECK(bulla::bytes_view().empty());
    CHECK(bulla::bytes_view(std::vector<std::uint8_t>()).copy().empty());
    CHECK(bulla::bytes_view(text).part(1, 1).size() == 1 && bulla::bytes_view(text).part(4).empty());
#if __cplusplus >= 202002L
    CHECK(bulla::bytes_view(std::span<const std::uint8_t>(vector)).size() == 3);
    CHECK(bulla::bytes_view(std::u8string_view(u8"ä")).size() == 2);
#endif
}

TEST(it_seals_and_opens) {
    pair people;
    auto draft = people.draft();
    MUST(draft.content_type("text/plain"));
    MUST(draft.attribute("name", "a.txt"));
    MUST(draft.sequence("stream", 7));
    MUST(draft.expires_in(60));
    const auto sealed = MUST(people.sealer().seal(draft, "hello"));
    const auto opener = people.opener();
    const auto opened = MUST(opener.open(sealed.envelope));
    CHECK(opened.content.text() == "hello");
    const auto& stamp = opened.message.stamp();
    CHECK(stamp.signer == people.alice_key && stamp.context == "test" && stamp.content_type == "text/plain");
    CHECK(stamp.message_id == sealed.sent.id() && stamp.issued == sealed.sent.issued && stamp.expires == sealed.sent.end());
    CHECK(stamp.sequence && stamp.sequence->number == 7 && bulla::bytes_view(stamp.sequence->stream).text() == "stream");
    CHECK(stamp.attributes.size() == 1 && bulla::bytes_view(stamp.attributes.at("name")).text() == "a.txt");
    CHECK(stamp.length == 5U && opened.message.content_length() == 5 && opened.message.is_fresh());
    CHECK(MUST(opened.message.content_digest()) == bulla::digest(sealed.sent.content_digest));
    CHECK(MUST(opened.message.header_digest()) == bulla::digest(sealed.sent.header_digest));

    const auto again = opener.open(sealed.envelope);
    FAILS(again, BULLA_REPLAYED);
    CHECK(again.error().kind() == bulla::failure::refused && std::string(again.error().name()) == "Replayed");
    CHECK(std::string(again.error().what()).find("already received") != std::string::npos);
    CHECK(!again && !again.has_value());
}

TEST(a_refused_sender_is_told_beside_the_text) {
    pair people;
    const auto sealed = MUST(people.sealer().seal(people.draft(), "hello"));
    auto policy = MUST(bulla::policy::make("test"));
    MUST(policy.allow(people.bob_key));
    const auto refused = MUST(bulla::opener::unguarded(people.bob, policy)).open(sealed.envelope);
    FAILS(refused, BULLA_UNTRUSTED_SENDER);
    CHECK(refused.error().signer() == people.alice_key);
    CHECK(std::string(refused.error().what()).find(people.alice_key.hex()) == std::string::npos);
}

TEST(what_was_moved_from_fails_and_does_not_crash) {
    pair people;
    auto sealer = people.sealer();
    const auto moved = std::move(sealer);
    FAILS(sealer.seal(people.draft(), "hello"), BULLA_INVALID_INPUT); // NOLINT: that is the point.
    MUST(moved.seal(people.draft(), "hello"));
    auto buffer = MUST(bulla::buffer::make());
    const auto other = std::move(buffer);
    CHECK(buffer.empty() && buffer.data() == nullptr && other.empty());
}

TEST(what_was_made_with_a_handle_outlives_it) {
    std::optional<bulla::opener> opener;
    std::optional<bulla::sealed> sealed;
    {
        pair people;
        opener.emplace(people.opener());
        sealed.emplace(MUST(people.sealer().seal(people.draft(), "hello")));
    }
    CHECK(MUST(opener->open(sealed->envelope)).content.text() == "hello");
}

TEST(text_with_a_nul_inside_is_not_cut) {
    FAILS(bulla::draft::make(std::string_view("te\0st", 5)), BULLA_INVALID_INPUT);
    FAILS(bulla::policy::make(std::string_view("\0", 1)), BULLA_INVALID_INPUT);
    pair people;
    FAILS(people.alice.text(std::string_view("pass\0word", 9)), BULLA_INVALID_INPUT);
}

TEST(identities_are_written_and_read) {
    pair people;
    const folder place;
    MUST(people.alice.save(place / "alice", "a passphrase"));
    FAILS(people.alice.save(place / "alice", std::nullopt), BULLA_NAME_TAKEN);
    FAILS(bulla::identity::load(place / "alice"), BULLA_PASSPHRASE_NEEDED);
    FAILS(bulla::identity::load(place / "alice", "another"), BULLA_WRONG_PASSPHRASE);
    auto read = MUST(bulla::identity::load(place / "alice", "a passphrase"));
    CHECK(MUST(MUST(read.public_identity()).key()) == people.alice_key);
    const auto copy = MUST(bulla::identity::parse(MUST(read.text(std::nullopt))));
    CHECK(MUST(MUST(copy.public_identity()).line()) == MUST(people.alice_public.line()));
    MUST(read.rotate(1000));
    CHECK(MUST(read.generation(1)).has_value() && !MUST(read.generation(2)).has_value());
    CHECK(MUST(read.destroy_expired(2000)) == 1);
    MUST(read.replace(place / "alice", std::nullopt));
    FAILS(bulla::public_identity::parse("bulla1nonsense"), BULLA_MALFORMED);
}

TEST(signed_and_detached) {
    pair people;
    const auto verifier = MUST(bulla::opener::verifier("reader", people.policy(), MUST(bulla::guard::in_memory())));
    const auto sealer = people.sealer();
    CHECK(MUST(verifier.open(MUST(sealer.sign(people.draft(), "news")).envelope)).content.text() == "news");
    const auto beside = MUST(sealer.sign_detached(people.draft(), "page"));
    FAILS(verifier.verify_detached(beside.envelope, "other"), BULLA_NOT_AUTHENTIC);
    auto stream = MUST(verifier.detached_stream(beside.envelope));
    MUST(stream.update("pa"));
    MUST(stream.update("ge"));
    CHECK(MUST(stream.finish()).stamp().signer == people.alice_key);
    FAILS(stream.update("x"), BULLA_WRONG_ORDER);
    auto signer = MUST(sealer.detached_signer(people.draft()));
    MUST(signer.update("page"));
    CHECK(MUST(verifier.verify_detached(MUST(signer.finish()).envelope, "page")).content_length() == 4);
}

TEST(streams_both_ways) {
    pair people;
    const std::string content(300000, 'x');
    auto envelope = MUST(bulla::buffer::make());
    auto sealing = MUST(people.sealer().seal_stream(people.draft(), content.size(), envelope));
    for (std::size_t at = 0; at < content.size(); at += 7000) {
        MUST(sealing.update(bulla::bytes_view(content).part(at, 7000), envelope));
    }
    std::size_t padded = 0;
    while (MUST(sealing.pad(envelope))) {
        ++padded;
    }
    CHECK(padded > 0 && !MUST(sealing.pad(envelope)));
    const auto sent = MUST(sealing.finish(envelope));
    FAILS(sealing.update("x", envelope), BULLA_WRONG_ORDER);
    FAILS(sealing.pad(envelope), BULLA_WRONG_ORDER);

    const auto opener = people.opener();
    auto opening = MUST(opener.stream());
    auto out = MUST(bulla::buffer::make());
    CHECK(!opening.stamp());
    for (std::size_t at = 0; at < envelope.size(); at += 5000) {
        MUST(opening.update_provisional(envelope.view().part(at, 5000), out));
    }
    CHECK(opening.stamp() && opening.stamp()->message_id == sent.id());
    CHECK(MUST(opening.finish(out)).stamp().message_id == sent.id());
    CHECK(out.text() == content);

    const auto other = people.opener();
    auto settled = MUST(other.stream());
    out.clear();
    MUST(settled.update_provisional(envelope, out));
    MUST(settled.settle_provisional(out));
    CHECK(out.text() == content);
    const std::size_t before = out.size();
    MUST(settled.finish(out)); // Nothing of it is given twice.
    CHECK(out.size() == before);

    auto cut = MUST(opener.stream());
    MUST(cut.update_provisional(envelope.view().part(0, envelope.size() - 1), out));
    FAILS(cut.finish(out), BULLA_NOT_AUTHENTIC);
}

TEST(clocks_of_the_host_are_asked_and_destroyed) {
    pair people;
    auto counter = std::make_shared<int>(0);
    const std::weak_ptr<int> alive = counter;
    {
        auto sealer = people.sealer();
        {
            const auto clock = MUST(bulla::clock::of([counter]() -> std::optional<std::uint64_t> {
                return ++*counter < 3 ? std::optional<std::uint64_t>(1000) : std::nullopt;
            }));
            MUST(sealer.clock(clock));
        }
        counter.reset();
        CHECK(MUST(sealer.seal(people.draft(), "hello")).sent.issued == 1000);
        CHECK(!alive.expired());
        *alive.lock() = 5;
        FAILS(sealer.seal(people.draft(), "hello"), BULLA_CLOCK_FAILED);
    }
    CHECK(alive.expired());
    FAILS(bulla::clock::of(nullptr), BULLA_INVALID_INPUT);
}

TEST(threads_share_what_may_be_shared) {
    pair people;
    const auto sealer = people.sealer();
    const auto opener = people.opener();
    const auto draft = people.draft();
    const auto once = MUST(sealer.seal(draft, "once"));
    std::vector<int> accepted(8);
    std::vector<std::thread> threads;
    for (auto& mine : accepted) {
        threads.emplace_back([&] {
            for (int round = 0; round < 20; ++round) {
                CHECK(MUST(opener.open(MUST(sealer.seal(draft, "hello")).envelope)).content.text() == "hello");
            }
            mine = opener.open(once.envelope) ? 1 : 0;
        });
    }
    int count = 0;
    for (std::size_t index = 0; index < threads.size(); ++index) {
        threads[index].join();
        count += accepted[index];
    }
    CHECK(count == 1);
}

#if defined(__cpp_exceptions)
TEST(values_of_failures_throw) {
    const auto thrown = [](auto&& work) {
        try {
            work();
        } catch (const bulla::error& error) {
            return error.code();
        } catch (...) {
            return -1;
        }
        return 0;
    };
    CHECK(thrown([] { static_cast<void>(bulla::public_identity::parse("x").value()); }) == BULLA_MALFORMED);
    CHECK(thrown([] { static_cast<void>(bulla::public_identity::parse("x")->key()); }) == BULLA_MALFORMED);
    CHECK(thrown([] { static_cast<void>(*bulla::public_identity::parse("x")); }) == BULLA_MALFORMED);
    CHECK(thrown([] { bulla::result<void>(bulla::error(BULLA_IO, "io")).value(); }) == BULLA_IO);
    CHECK(thrown([] { static_cast<void>(bulla::draft::make("x").value()); }) == 0);
}

TEST(what_a_function_of_the_host_throws_does_not_cross) {
    pair people;
    auto sealer = people.sealer();
    MUST(sealer.clock(MUST(bulla::clock::of([]() -> std::optional<std::uint64_t> { throw std::string("no time"); }))));
    FAILS(sealer.seal(people.draft(), "hello"), BULLA_CLOCK_FAILED);
}
#endif

int main() { return harness::main(); }
