/// Reserving and storing: what is committed only when its effect is durable.
#ifndef BULLA_STORE_HPP
#define BULLA_STORE_HPP

#include <exception>

#include "message.hpp"

namespace bulla {

/// What became of a message that is dealt with.
enum class outcome : std::uint32_t {
    delivered = BULLA_OUTCOME_DELIVERED,
    stored = BULLA_OUTCOME_STORED,
    rejected = BULLA_OUTCOME_REJECTED,
    /// The first of those that a host numbers itself, up to 255.
    own = BULLA_OUTCOME_OWN,
};

/// What became of a message that is dealt with, and the receipt that may be sent now.
class answer {
  public:
    /// One that was rejected is to be rejected again, whatever else is done with it.
    [[nodiscard]] bulla::outcome outcome() const noexcept {
        return static_cast<bulla::outcome>(bulla_answer_outcome(handle_.get()));
    }
    /// To be sent, byte for byte; empty if the sender asked for none of this kind. It lives as long as the answer.
    [[nodiscard]] bytes_view receipt() const noexcept { return detail::view(bulla_answer_receipt(handle_.get())); }
    /// What is known of the message; none if it came before, or was refused by its stamp alone.
    [[nodiscard]] std::optional<bulla::message> message() const {
        const bulla_message* part = bulla_answer_message(handle_.get());
        if (part == nullptr) {
            return std::nullopt;
        }
        return bulla::message(std::shared_ptr<const bulla_message>(handle_, part));
    }
    /// What the sender signed, also of what came before; none if it was refused by its stamp alone just now.
    [[nodiscard]] std::optional<bulla::stamp> stamp() const { return detail::stamp_of(bulla_answer_stamp(handle_.get())); }

    answer(answer&&) noexcept = default;
    answer& operator=(answer&&) noexcept = default;
    answer(const answer&) = delete;
    answer& operator=(const answer&) = delete;
    ~answer() = default;

  private:
    friend detail::access;
    explicit answer(bulla_answer* handle) : handle_(handle, &bulla_answer_free) {}
    std::shared_ptr<bulla_answer> handle_;
};

/// What a lease is of.
enum class lease_kind : std::uint32_t {
    ended = 0,
    message = BULLA_LEASE_MESSAGE,
    stored = BULLA_LEASE_STORED,
    refused = BULLA_LEASE_REFUSED,
};

/// A message that is reserved. Make its effect durable, then accept or reject it (receipter), or commit it without a receipt.
/// Destroyed before that, it is released, and may come again.
class lease {
  public:
    [[nodiscard]] lease_kind kind() const noexcept { return static_cast<lease_kind>(bulla_lease_kind(handle_.get())); }
    /// None once it has ended.
    [[nodiscard]] std::optional<bulla::stamp> stamp() const { return detail::stamp_of(bulla_lease_stamp(handle_.get())); }
    /// The final name of the file of a lease of what is stored; else empty.
    [[nodiscard]] std::string path() const { return detail::text(bulla_lease_path(handle_.get())); }
    /// Whether that file was there before this message came, whole: it stays if the message is rejected.
    [[nodiscard]] bool was_there() const noexcept { return bulla_lease_was_there(handle_.get()) != 0; }
    /// Holds it for so many seconds from now on.
    result<void> renew(std::uint64_t seconds) {
        return detail::done([&](auto* why) { return bulla_lease_renew(handle_.get(), seconds, why); });
    }
    /// Ends it for good, with an answer of the host's own. Answer only after this has succeeded.
    result<answer> commit(bulla::outcome what, bytes_view own_answer = {}) {
        return detail::made<answer, bulla_answer>([&](auto** out, auto* why) {
            return bulla_lease_commit(handle_.get(), static_cast<std::uint32_t>(what), own_answer.data(), own_answer.size(), out, why);
        });
    }
    /// Ends it for good, as delivered or stored, for a host that gives no receipts: nobody gets one, also where the sender asked.
    result<answer> accept_unanswered() {
        return detail::made<answer, bulla_answer>(
            [&](auto** out, auto* why) { return bulla_lease_accept_unanswered(handle_.get(), out, why); });
    }
    /// Gives it up: the message may come again, and a stored file is removed.
    result<void> release() {
        return detail::done([&](auto* why) { return bulla_lease_release(handle_.get(), why); });
    }

  private:
    friend detail::access;
    explicit lease(bulla_lease* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_lease, &bulla_lease_free> handle_;
};

/// The content is on the disk, under its final name.
struct stored {
    bulla::lease lease;
};
/// Authentic, but longer than the store accepts: to reject or to release.
struct too_large {
    bulla::lease lease;
};
/// Authentic, but there is no room for it: to reject or to release.
struct no_room {
    bulla::lease lease;
};
/// Authentic, but the host's own rules (store::judge()) do not accept it: to reject or to release.
struct refused {
    bulla::lease lease;
};
/// What comes of storing; an answer is of a message that came before: give it again.
using storing = std::variant<stored, too_large, no_room, refused, answer>;

/// Why a message was not accepted: BULLA_REASON_..., or a number of the application's own, and words.
struct reason {
    std::uint16_t code = 0;
    std::string text;
    /// No reason, but that rules (store::judge()) cannot tell now: BULLA_UNDECIDED comes of it, nothing is reserved, and the message
    /// may come again.
    static reason later() { return {BULLA_JUDGE_LATER, {}}; }
};

namespace detail {

/// Runs a call that gives a lease or the answer of before.
template <class Call> result<std::variant<lease, answer>> lease_or_answer(Call&& call) {
    using either = std::variant<lease, answer>;
    bulla_lease* fresh = nullptr;
    bulla_answer* again = nullptr;
    return answered<either>([&](bulla_error* why) { return call(&fresh, &again, why); },
                            [&](bulla_status code) -> result<either> {
                                if (code == BULLA_AGAIN) {
                                    return either(access::from<answer>(again));
                                }
                                return code == BULLA_OK ? result<either>(either(access::from<lease>(fresh)))
                                                        : result<either>(unexpected(code));
                            });
}

/// Around a call within which functions of the host's may run that only answer: holds what one of them throws, for the call itself
/// does not fail by it.
class asking {
  public:
    asking() noexcept : before_(std::exchange(innermost(), this)) {}
    asking(const asking&) = delete;
    asking& operator=(const asking&) = delete;
    ~asking() { innermost() = before_; }
    [[nodiscard]] const std::exception_ptr& thrown() const noexcept { return thrown_; }

    /// Runs such a function.
    template <class R, class Work> static R answered(R instead, Work&& work) noexcept {
#if defined(__cpp_exceptions)
        try {
            return work();
        } catch (...) {
            if (innermost() != nullptr && !innermost()->thrown_) {
                innermost()->thrown_ = std::current_exception();
            }
            return instead;
        }
#else
        static_cast<void>(instead);
        return work();
#endif
    }

  private:
    // A function of the host's may use another store.
    static asking*& innermost() noexcept {
        thread_local asking* here = nullptr;
        return here;
    }
    asking* before_;
    std::exception_ptr thrown_;
};

} // namespace detail

/// Where a file is stored.
class target {
  public:
    /// Under this path; its folder must be there.
    static target path(std::string_view path) { return {BULLA_TARGET_PATH, path}; }
    /// In this folder, under a name made of message id, reader, sender and context.
    static target by_id(std::string_view folder) { return {BULLA_TARGET_BY_ID, folder}; }
    /// In this folder, under the name that the sender suggests, made harmless.
    static target suggested(std::string_view folder) { return {BULLA_TARGET_SUGGESTED, folder}; }
    [[nodiscard]] std::uint32_t kind() const noexcept { return kind_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

  private:
    target(std::uint32_t kind, std::string_view name) : kind_(kind), name_(name) {}
    std::uint32_t kind_;
    std::string name_;
};

/// An envelope on its way to a file. What the host's own functions (store::ask_for_room(), store::judge()) throw comes out of the call
/// that asked, and of every later one: nothing was decided, nothing is reserved, and the message may come again. Tell whoever brought
/// it to try again later, and do not reject it.
class store_stream {
  public:
    /// Takes the next piece, without armor. Tells whether more of it is wanted: else finish() it.
    result<bool> update(bytes_view envelope) {
        return asked([&] {
            return detail::answered<bool>(
                [&](auto* why) { return bulla_store_stream_update(handle_.get(), envelope.data(), envelope.size(), why); },
                [](bulla_status code) -> result<bool> {
                    return code == BULLA_OK || code == BULLA_MORE ? result<bool>(code == BULLA_MORE)
                                                                  : result<bool>(detail::unexpected(code));
                });
        });
    }
    [[nodiscard]] std::optional<bulla::stamp> stamp() const { return detail::stamp_of(bulla_store_stream_stamp(handle_.get())); }
    /// The end of the envelope has come. After BULLA_NAME_TAKEN (another file has the name) the content is kept: retarget(), and finish
    /// again.
    result<storing> finish() {
        bulla_lease* fresh = nullptr;
        bulla_answer* again = nullptr;
        return asked([&] {
            return detail::answered<storing>(
                [&](auto* why) { return bulla_store_stream_finish(handle_.get(), &fresh, &again, why); },
                [&](bulla_status code) -> result<storing> { return judged(code, fresh, again); });
        });
    }

    /// Another target on the same file system, after BULLA_NAME_TAKEN. Nothing of the envelope is to come again.
    result<void> retarget(const target& where) {
        const detail::text_of name(where.name());
        if (!name.whole()) {
            return name.cut();
        }
        return detail::done(
            [&](auto* why) { return bulla_store_stream_retarget(handle_.get(), where.kind(), name.get(), why); });
    }

  private:
    friend detail::access;
    friend class receipter;
    explicit store_stream(bulla_store_stream* handle) noexcept : handle_(handle) {}
    template <class Call> auto asked(Call&& call) -> decltype(call()) {
        if (!failure_) {
            const detail::asking within;
            auto outcome = call();
            if (!within.thrown()) {
                return outcome;
            }
            failure_ = within.thrown(); // A lease in the outcome is released.
        }
        std::rethrow_exception(failure_);
    }
    static result<storing> judged(bulla_status code, bulla_lease* fresh, bulla_answer* again) {
        switch (code) {
        case BULLA_OK:
            return storing(stored{detail::access::from<lease>(fresh)});
        case BULLA_TOO_LARGE:
            return storing(too_large{detail::access::from<lease>(fresh)});
        case BULLA_NO_ROOM:
            return storing(no_room{detail::access::from<lease>(fresh)});
        case BULLA_REFUSED:
            return storing(refused{detail::access::from<lease>(fresh)});
        case BULLA_AGAIN:
            return storing(detail::access::from<answer>(again));
        default:
            return detail::unexpected(code);
        }
    }
    detail::handle<bulla_store_stream, &bulla_store_stream_free> handle_;
    std::exception_ptr failure_;
};

/// Opens envelopes to files, and says `stored` only of what it has read again from the disk. Made by opener::store().
class store {
  public:
    /// Whether there is room in a folder for so many bytes, if that is known yet.
    using has_room = std::function<bool(std::string_view folder, std::optional<std::uint64_t> content)>;

    /// Accepts content of at most so many bytes.
    result<void> max_content(std::uint64_t length) {
        return detail::done([&](auto* why) { return bulla_store_max_content(handle_.get(), length, why); });
    }
    /// Asks before anything is written. What it throws comes out of the stream's update() or finish(): see store_stream.
    result<void> ask_for_room(has_room ask) {
        auto context = std::make_unique<has_room>(std::move(ask));
        return detail::given(context, detail::done([&](auto* why) {
                                 return bulla_store_ask_for_room(handle_.get(), *context ? &room : nullptr, context.get(),
                                                                 &detail::drop<has_room>, why);
                             }));
    }
    /// The host's own rules about each new message, by its stamp, before anything is written: none, or why it is not accepted.
    using rules = std::function<std::optional<reason>(const stamp& said)>;
    /// Asks these rules. A reason is final: the usual next step is to reject. Rules that cannot tell now give reason::later(), or
    /// throw: what they throw comes out of the stream's update() or finish(), see store_stream. A reason that cannot be sent becomes
    /// BULLA_REASON_POLICY.
    result<void> judge(rules ask) {
        auto context = std::make_unique<rules>(std::move(ask));
        return detail::given(context, detail::done([&](auto* why) {
                                 return bulla_store_judge(handle_.get(), *context ? &judged : nullptr, context.get(),
                                                          &detail::drop<rules>, why);
                             }));
    }
    /// Keeps what has come of envelopes that do not come whole: at most so many, and of each so many bytes.
    result<void> resumable(std::string_view folder, std::size_t envelopes, std::uint64_t length) {
        const detail::text_of name(folder);
        if (!name.whole()) {
            return name.cut();
        }
        return detail::done([&](auto* why) { return bulla_store_resumable(handle_.get(), name.get(), envelopes, length, why); });
    }
    /// From which byte of an envelope on it is to be sent, to be completed.
    [[nodiscard]] result<std::uint64_t> held(const digest& header) const {
        return detail::got<std::uint64_t, std::uint64_t>(
            [&](auto* out, auto* why) { return bulla_store_held(handle_.get(), &header, out, why); });
    }
    /// Removes what killed processes left behind in a folder more than a day ago, and tells how many files.
    [[nodiscard]] result<std::size_t> clean(std::string_view folder) const {
        const detail::text_of name(folder);
        if (!name.whole()) {
            return name.cut();
        }
        return detail::got<std::size_t, std::size_t>(
            [&](auto* out, auto* why) { return bulla_store_clean(handle_.get(), name.get(), out, why); });
    }
    /// Begins to store an envelope.
    [[nodiscard]] result<store_stream> stream(const target& where) const {
        const detail::text_of name(where.name());
        if (!name.whole()) {
            return name.cut();
        }
        return detail::made<store_stream, bulla_store_stream>([&](auto** out, auto* why) {
            return bulla_store_stream_new(handle_.get(), where.kind(), name.get(), out, why);
        });
    }
    /// Begins to complete an envelope, from the byte on that held() tells.
    [[nodiscard]] result<store_stream> resume(const digest& header, const target& where) const {
        const detail::text_of name(where.name());
        if (!name.whole()) {
            return name.cut();
        }
        return detail::made<store_stream, bulla_store_stream>([&](auto** out, auto* why) {
            return bulla_store_stream_resume(handle_.get(), &header, where.kind(), name.get(), out, why);
        });
    }

  private:
    friend detail::access;
    explicit store(bulla_store* handle) noexcept : handle_(handle) {}
    static std::uint8_t room(void* context, const std::uint8_t* folder, std::size_t length, std::uint64_t content) noexcept {
        return detail::asking::answered<std::uint8_t>(0, [&]() -> std::uint8_t {
            const auto known = content == BULLA_CONTENT_UNKNOWN ? std::nullopt : std::optional<std::uint64_t>(content);
            return (*static_cast<has_room*>(context))(bytes_view(folder, length).text(), known) ? 1 : 0;
        });
    }
    static std::uint16_t judged(void* context, const bulla_stamp* stamp, char* words) noexcept {
        return detail::asking::answered<std::uint16_t>(BULLA_JUDGE_LATER, [&]() -> std::uint16_t {
            const auto why = (*static_cast<rules*>(context))(detail::stamp_of(stamp).value_or(bulla::stamp()));
            if (!why) {
                return 0;
            }
            if (why->code == BULLA_JUDGE_LATER) {
                return BULLA_JUDGE_LATER; // It has no words, so none can be wrong.
            }
            if (why->code == 0 || why->text.size() >= BULLA_REASON_TEXT) {
                return BULLA_REASON_POLICY;
            }
            why->text.copy(words, why->text.size());
            words[why->text.size()] = '\0';
            return why->code;
        });
    }
    detail::handle<bulla_store, &bulla_store_free> handle_;
};

} // namespace bulla

#endif
