/// Opening and verifying: the one gate.
#ifndef BULLA_OPEN_HPP
#define BULLA_OPEN_HPP

#include "guard.hpp"
#include "store.hpp"

namespace bulla {

/// An envelope that comes in pieces. What it gives before its end is provisional: do not act on it.
class open_stream {
  public:
    /// Takes the next piece, without armor. Provisional content is appended: put it aside, clear it, use it again. It counts only
    /// when finish() has succeeded.
    result<void> update_provisional(bytes_view envelope, buffer& content) {
        return detail::done([&](auto* why) {
            return bulla_open_stream_update_provisional(handle_.get(), envelope.data(), envelope.size(), detail::raw(content), why);
        });
    }
    /// The end has come: checks all but the guard. For hosts that make the content durable before the message counts as accepted.
    result<void> settle_provisional(buffer& content) {
        return detail::done(
            [&](auto* why) { return bulla_open_stream_settle_provisional(handle_.get(), detail::raw(content), why); });
    }
    /// What the sender signed, as soon as it is verified and judged; none before.
    [[nodiscard]] std::optional<bulla::stamp> stamp() const { return detail::stamp_of(bulla_open_stream_stamp(handle_.get())); }
    /// Ends the envelope, and claims the message from the guard: from now on all of the content counts. The rest of it is appended.
    /// If this fails, throw away all of the content.
    result<message> finish(buffer& content) {
        return detail::made<message, bulla_message>(
            [&](auto** out, auto* why) { return bulla_open_stream_finish(handle_.get(), detail::raw(content), out, why); });
    }
    /// As finish(), but the message is only reserved, for so many seconds. With an answer, throw the content away.
    result<std::variant<lease, answer>> finish_leased(std::uint64_t seconds, buffer& content) {
        return detail::lease_or_answer([&](auto** out, auto** again, auto* why) {
            return bulla_open_stream_finish_leased(handle_.get(), seconds, detail::raw(content), out, again, why);
        });
    }
    /// Reserves a message of which only the stamp is known, in order to reject it.
    result<std::variant<lease, answer>> refuse_leased(std::uint64_t seconds) {
        return detail::lease_or_answer([&](auto** out, auto** again, auto* why) {
            return bulla_open_stream_refuse_leased(handle_.get(), seconds, out, again, why);
        });
    }

  private:
    friend detail::access;
    explicit open_stream(bulla_open_stream* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_open_stream, &bulla_open_stream_free> handle_;
};

/// A detached envelope, judged, whose content comes in pieces.
class detached_stream {
  public:
    result<void> update(bytes_view content) {
        return detail::done([&](auto* why) {
            return bulla_detached_stream_update(handle_.get(), content.data(), content.size(), why);
        });
    }
    result<message> finish() {
        return detail::made<message, bulla_message>(
            [&](auto** out, auto* why) { return bulla_detached_stream_finish(handle_.get(), out, why); });
    }

  private:
    friend detail::access;
    explicit detached_stream(bulla_detached_stream* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_detached_stream, &bulla_detached_stream_free> handle_;
};

/// A message that is reserved, and its content.
struct reserved {
    buffer content;
    bulla::lease lease;
};

/// Opens sealed envelopes, or verifies signed ones, by a policy and a guard.
class opener {
  public:
    static result<opener> make(const identity& reader, const policy& accepted, const guard& replay) {
        return detail::made<opener, bulla_opener>([&](auto** out, auto* why) {
            return bulla_opener_new(detail::raw(reader), detail::raw(accepted), detail::raw(replay), out, why);
        });
    }
    /// The same message is accepted as often as it comes.
    static result<opener> unguarded(const identity& reader, const policy& accepted) {
        return detail::made<opener, bulla_opener>([&](auto** out, auto* why) {
            return bulla_opener_new_unguarded(detail::raw(reader), detail::raw(accepted), out, why);
        });
    }
    /// Everything is checked but freshness, and message::is_fresh() says so.
    static result<opener> archive(const identity& reader, const policy& accepted) {
        return detail::made<opener, bulla_opener>([&](auto** out, auto* why) {
            return bulla_opener_new_archive(detail::raw(reader), detail::raw(accepted), out, why);
        });
    }
    /// For signed envelopes. It has no key, so the guard knows it by a name.
    static result<opener> verifier(std::string_view reader, const policy& accepted, const guard& replay) {
        const detail::text_of name(reader);
        if (!name.whole()) {
            return name.cut();
        }
        return detail::made<opener, bulla_opener>([&](auto** out, auto* why) {
            return bulla_verifier_new(name.get(), detail::raw(accepted), detail::raw(replay), out, why);
        });
    }
    static result<opener> unguarded_verifier(const policy& accepted) {
        return detail::made<opener, bulla_opener>(
            [&](auto** out, auto* why) { return bulla_verifier_new_unguarded(detail::raw(accepted), out, why); });
    }
    static result<opener> archive_verifier(const policy& accepted) {
        return detail::made<opener, bulla_opener>(
            [&](auto** out, auto* why) { return bulla_verifier_new_archive(detail::raw(accepted), out, why); });
    }
    result<void> clock(const bulla::clock& host_clock) {
        return detail::done([&](auto* why) { return bulla_opener_clock(handle_.get(), detail::raw(host_clock), why); });
    }
    /// By which name the guard knows the reader, instead of by its key.
    result<void> reader_name(std::string_view reader) {
        const detail::text_of name(reader);
        if (!name.whole()) {
            return name.cut();
        }
        return detail::done([&](auto* why) { return bulla_opener_reader_name(handle_.get(), name.get(), why); });
    }
    /// Remembers the keys of so many of the senders' sessions.
    result<void> cache(std::size_t sessions) {
        return detail::done([&](auto* why) { return bulla_opener_cache(handle_.get(), sessions, why); });
    }

    /// Opens or verifies an envelope, without armor, once. Nothing is given out before everything is checked.
    [[nodiscard]] result<opened> open(bytes_view envelope) const {
        auto content = buffer::make();
        if (!content) {
            return content.error();
        }
        auto made = detail::made<message, bulla_message>([&](auto** out, auto* why) {
            return bulla_open(handle_.get(), envelope.data(), envelope.size(), detail::raw(*content), out, why);
        });
        return made ? result<opened>(opened{*std::move(content), *std::move(made)}) : result<opened>(made.error());
    }
    /// Verifies a detached envelope against the content beside it.
    [[nodiscard]] result<message> verify_detached(bytes_view envelope, bytes_view content) const {
        return detail::made<message, bulla_message>([&](auto** out, auto* why) {
            return bulla_verify_detached(handle_.get(), envelope.data(), envelope.size(), content.data(), content.size(), out, why);
        });
    }
    /// As open(), but the message is only reserved, for so many seconds; or it was dealt with before: give that answer again.
    [[nodiscard]] result<std::variant<reserved, answer>> open_leased(bytes_view envelope, std::uint64_t seconds) const {
        using either = std::variant<reserved, answer>;
        auto content = buffer::make();
        if (!content) {
            return content.error();
        }
        auto which = detail::lease_or_answer([&](auto** out, auto** again, auto* why) {
            return bulla_open_leased(handle_.get(), envelope.data(), envelope.size(), seconds, detail::raw(*content), out, again, why);
        });
        if (!which) {
            return which.error();
        }
        if (auto* came_before = std::get_if<answer>(&*which)) {
            return either(std::move(*came_before));
        }
        return either(reserved{*std::move(content), std::move(*std::get_if<lease>(&*which))});
    }
    /// Begins an envelope that comes in pieces.
    [[nodiscard]] result<open_stream> stream() const {
        return detail::made<open_stream, bulla_open_stream>(
            [&](auto** out, auto* why) { return bulla_open_stream_new(handle_.get(), out, why); });
    }
    /// Judges a detached envelope, whose content then comes in pieces.
    [[nodiscard]] result<bulla::detached_stream> detached_stream(bytes_view envelope) const {
        return detail::made<bulla::detached_stream, bulla_detached_stream>([&](auto** out, auto* why) {
            return bulla_detached_stream_new(handle_.get(), envelope.data(), envelope.size(), out, why);
        });
    }
    /// Makes a store, which opens to files; `seconds` is for how long a message is reserved at a time.
    [[nodiscard]] result<bulla::store> store(std::uint64_t seconds) const {
        return detail::made<bulla::store, bulla_store>(
            [&](auto** out, auto* why) { return bulla_store_new(handle_.get(), seconds, out, why); });
    }
    /// Makes a challenge, to be answered once within so many seconds (draft::answers()).
    [[nodiscard]] result<digest> challenge(std::uint64_t seconds) const {
        return detail::got<digest, bulla_digest>(
            [&](auto* out, auto* why) { return bulla_opener_challenge(handle_.get(), seconds, out->bytes, why); });
    }

    /// Which numbers are missing, so far, in the stream of a message. Only order::gapless keeps count.
    [[nodiscard]] result<ranges> missing(const message& in_stream) const {
        bulla_ranges* found = nullptr;
        return detail::answered<ranges>(
            [&](auto* why) { return bulla_opener_missing(handle_.get(), stamp_in(in_stream), &found, why); },
            [&](bulla_status) -> result<ranges> { return detail::ranges_of(found); });
    }
    /// Waits no longer for the numbers before this one in the stream of a message: they are BULLA_SUPERSEDED if they still come.
    [[nodiscard]] result<void> skip(const message& in_stream, std::uint64_t before) const {
        return detail::done([&](auto* why) { return bulla_opener_skip(handle_.get(), stamp_in(in_stream), before, why); });
    }
    /// Forgets the stream of a message, and tells whether it was known: its next message begins it anew. Whoever held back a message
    /// of it can have that accepted now, until it is too old: only once the last one is older than the greatest age, or if its
    /// numbers no longer matter.
    [[nodiscard]] result<bool> forget_stream(const message& in_stream) const {
        return detail::got<bool, std::uint8_t>(
            [&](auto* out, auto* why) { return bulla_opener_forget_stream(handle_.get(), stamp_in(in_stream), out, why); });
    }

  private:
    static const bulla_stamp* stamp_in(const message& of) noexcept { return bulla_message_stamp(detail::raw(of)); }
    friend detail::access;
    explicit opener(bulla_opener* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_opener, &bulla_opener_free> handle_;
};

} // namespace bulla

#endif
