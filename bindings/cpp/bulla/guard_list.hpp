/// What a durable guard shows to those who run a host: the messages and streams that it remembers.
#ifndef BULLA_GUARD_LIST_HPP
#define BULLA_GUARD_LIST_HPP

#include "handle.hpp"

namespace bulla {

/// Numbers that are missing in a stream, as ranges from the first to the last, ascending.
using ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

/// What became of a message that a guard remembers.
enum class entry_state : std::uint32_t {
    reserved = BULLA_ENTRY_RESERVED,
    released = BULLA_ENTRY_RELEASED,
    committed = BULLA_ENTRY_COMMITTED,
};

/// What a durable guard remembers of one message. Nothing of it is secret.
struct guard_entry {
    /// Names the message: reader, signer, message id, context.
    digest name;
    key signer;
    std::uint64_t issued = 0;
    /// From when on it may be dropped.
    std::uint64_t keep_until = 0;
    entry_state state = entry_state::released;
    /// Only of what is reserved: when the lease runs out.
    std::optional<std::uint64_t> lease_until;
    /// Of what is committed: the length of the receipt or answer that is kept for copies.
    std::uint64_t answer_length = 0;
    /// The signer was accepted because anyone is.
    bool stranger = false;
};

/// An ordered stream that a durable guard knows. Nothing of it is secret.
struct guard_stream {
    /// Names the stream: reader, signer, context, stream id.
    digest name;
    key signer;
    /// From when on it may be dropped if its room is needed; none: it stays until it is forgotten.
    std::optional<std::uint64_t> keep_until;
    /// The greatest number that was accepted or given up.
    std::optional<std::uint64_t> greatest;
    bool stranger = false;
    /// Which numbers before it are missing.
    ranges missing;
};

namespace detail {

/// What a handle of ranges holds; it is freed.
inline ranges ranges_of(bulla_ranges* from) {
    const handle<bulla_ranges, &bulla_ranges_free> owned(from);
    ranges found;
    found.reserve(bulla_ranges_count(from));
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    while (bulla_ranges_get(from, found.size(), &first, &last, nullptr) == BULLA_OK) {
        found.emplace_back(first, last);
    }
    return found;
}

inline result<std::vector<guard_entry>> entries_of(const bulla_guard* guard, const digest* after, std::size_t at_most) {
    bulla_guard_entry_list* list = nullptr;
    return answered<std::vector<guard_entry>>(
        [&](auto* why) { return bulla_guard_durable_entries(guard, at_most, after, &list, why); },
        [&](bulla_status) -> result<std::vector<guard_entry>> {
            const handle<bulla_guard_entry_list, &bulla_guard_entry_list_free> owned(list);
            std::vector<guard_entry> all;
            all.reserve(bulla_guard_entry_list_count(list));
            bulla_guard_entry one{};
            while (bulla_guard_entry_list_at(list, all.size(), &one, nullptr) == BULLA_OK) {
                const auto state = static_cast<entry_state>(one.state);
                all.push_back({one.name, one.signer, one.issued, one.keep_until, state,
                               state == entry_state::reserved ? std::optional<std::uint64_t>(one.lease_until) : std::nullopt,
                               one.answer_length, one.stranger != 0});
            }
            return all;
        });
}

inline result<std::vector<guard_stream>> streams_of(const bulla_guard* guard, const digest* after, std::size_t at_most) {
    bulla_guard_stream_list* list = nullptr;
    return answered<std::vector<guard_stream>>(
        [&](auto* why) { return bulla_guard_durable_streams(guard, at_most, after, &list, why); },
        [&](bulla_status) -> result<std::vector<guard_stream>> {
            const handle<bulla_guard_stream_list, &bulla_guard_stream_list_free> owned(list);
            std::vector<guard_stream> all;
            all.reserve(bulla_guard_stream_list_count(list));
            bulla_guard_stream one{};
            while (bulla_guard_stream_list_at(list, all.size(), &one, nullptr) == BULLA_OK) {
                bulla_ranges* missing = nullptr;
                auto told = done([&](auto* why) { return bulla_guard_stream_list_missing(list, all.size(), &missing, why); });
                if (!told) {
                    return told.error();
                }
                all.push_back({one.name, one.signer,
                               one.stays != 0 ? std::nullopt : std::optional<std::uint64_t>(one.keep_until),
                               one.has_greatest != 0 ? std::optional<std::uint64_t>(one.greatest) : std::nullopt, one.stranger != 0,
                               ranges_of(missing)});
            }
            return all;
        });
}

} // namespace detail

} // namespace bulla

#endif
