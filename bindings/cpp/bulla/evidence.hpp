/// Proof for third parties, digests, armor, and what can be seen without a key.
#ifndef BULLA_EVIDENCE_HPP
#define BULLA_EVIDENCE_HPP

#include "message.hpp"

namespace bulla {

/// Evidence that was checked: author's key, claimed time, context and content. Not who the recipients were, nor when it was made.
class evidence {
  public:
    /// Checks what message::evidence() gave. Whether signer and context are the ones meant is for the caller to judge.
    static result<evidence> check(bytes_view proof) {
        return detail::made<evidence, bulla_evidence>(
            [&](auto** out, auto* why) { return bulla_evidence_check(proof.data(), proof.size(), out, why); });
    }
    [[nodiscard]] bulla::stamp stamp() const {
        return detail::stamp_of(bulla_evidence_stamp(handle_.get())).value_or(bulla::stamp());
    }
    [[nodiscard]] std::uint64_t content_length() const noexcept { return bulla_evidence_content_length(handle_.get()); }
    [[nodiscard]] result<digest> content_digest() const {
        return detail::got<digest, bulla_digest>(
            [&](auto* out, auto* why) { return bulla_evidence_content_digest(handle_.get(), out, why); });
    }
    [[nodiscard]] bool is_about(bytes_view content) const noexcept {
        return bulla_evidence_is_about(handle_.get(), content.data(), content.size()) != 0;
    }

  private:
    friend detail::access;
    explicit evidence(bulla_evidence* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_evidence, &bulla_evidence_free> handle_;
};

/// A digest (BLAKE3) over content that comes in pieces.
class hasher {
  public:
    static result<hasher> make() {
        return detail::made<hasher, bulla_hasher>([](auto** out, auto* why) { return bulla_hasher_new(out, why); });
    }
    result<void> update(bytes_view content) {
        return detail::done([&](auto* why) { return bulla_hasher_update(handle_.get(), content.data(), content.size(), why); });
    }
    /// Of all pieces so far; more may follow.
    [[nodiscard]] result<bulla::digest> digest() const {
        return detail::got<bulla::digest, bulla_digest>(
            [&](auto* out, auto* why) { return bulla_hasher_digest(handle_.get(), out, why); });
    }

  private:
    friend detail::access;
    explicit hasher(bulla_hasher* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_hasher, &bulla_hasher_free> handle_;
};

/// The digest of content that is there as a whole.
inline result<digest> digest_of(bytes_view content) {
    return detail::got<digest, bulla_digest>(
        [&](auto* out, auto* why) { return bulla_digest_of(content.data(), content.size(), out, why); });
}

/// A signing key as the command line shows it.
inline result<std::string> key_text(const key& of) {
    auto text = detail::filled([&](auto* out, auto* why) { return bulla_key_text(&of, out, why); });
    return text ? result<std::string>(std::string(text->text())) : result<std::string>(text.error());
}

/// What anyone can see of an envelope without a key. None of it is authentic.
using inspection = bulla_inspection;

/// Reads the header of an envelope, of which the beginning is enough; none if more of it is needed.
inline result<std::optional<inspection>> inspect(bytes_view start) {
    inspection seen{};
    return detail::answered<std::optional<inspection>>(
        [&](auto* why) { return bulla_inspect(start.data(), start.size(), &seen, why); },
        [&](bulla_status code) -> result<std::optional<inspection>> {
            return code == BULLA_MORE ? std::optional<inspection>() : std::optional<inspection>(seen);
        });
}

/// What an armor is around.
enum class armor : std::uint32_t {
    envelope = BULLA_ARMOR_ENVELOPE,
    evidence = BULLA_ARMOR_EVIDENCE,
    secret_key = BULLA_ARMOR_SECRET_KEY,
    receipt_proof = BULLA_ARMOR_RECEIPT_PROOF,
};

/// Whether input looks armored, by its first bytes.
inline bool is_armored(bytes_view input) noexcept { return bulla_is_armored(input.data(), input.size()) != 0; }
/// Armors bytes, for transports of 7-bit text.
inline result<buffer> enarmor(armor what, bytes_view data) {
    return detail::filled([&](auto* out, auto* why) {
        return bulla_armor(static_cast<std::uint32_t>(what), data.data(), data.size(), out, why);
    });
}
/// Takes the armor off.
inline result<buffer> dearmor(armor what, bytes_view text) {
    return detail::filled([&](auto* out, auto* why) {
        return bulla_dearmor(static_cast<std::uint32_t>(what), text.data(), text.size(), out, why);
    });
}

/// Armors bytes that come in pieces.
class armor_writer {
  public:
    static result<armor_writer> make(armor what) {
        return detail::made<armor_writer, bulla_armor_writer>(
            [&](auto** out, auto* why) { return bulla_armor_writer_new(static_cast<std::uint32_t>(what), out, why); });
    }
    result<void> update(bytes_view data, buffer& text) {
        return detail::done([&](auto* why) {
            return bulla_armor_writer_update(handle_.get(), data.data(), data.size(), detail::raw(text), why);
        });
    }
    result<void> finish(buffer& text) {
        return detail::done([&](auto* why) { return bulla_armor_writer_finish(handle_.get(), detail::raw(text), why); });
    }

  private:
    friend detail::access;
    explicit armor_writer(bulla_armor_writer* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_armor_writer, &bulla_armor_writer_free> handle_;
};

/// Takes the armor off text that comes in pieces. What came out counts only if finish() succeeds.
class armor_reader {
  public:
    static result<armor_reader> make(armor what) {
        return detail::made<armor_reader, bulla_armor_reader>(
            [&](auto** out, auto* why) { return bulla_armor_reader_new(static_cast<std::uint32_t>(what), out, why); });
    }
    result<void> update(bytes_view text, buffer& data) {
        return detail::done([&](auto* why) {
            return bulla_armor_reader_update(handle_.get(), text.data(), text.size(), detail::raw(data), why);
        });
    }
    result<void> finish() {
        return detail::done([&](auto* why) { return bulla_armor_reader_finish(handle_.get(), why); });
    }

  private:
    friend detail::access;
    explicit armor_reader(bulla_armor_reader* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_armor_reader, &bulla_armor_reader_free> handle_;
};

} // namespace bulla

#endif
