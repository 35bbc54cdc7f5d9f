/// Audits: "do you still have it?", which only who has all of the content can answer.
#ifndef BULLA_AUDIT_HPP
#define BULLA_AUDIT_HPP

#include "receipt.hpp"

namespace bulla {

/// What proves that one has a content.
class audit_proof {
  public:
    /// In constant time: whether the holder has what the asker has.
    [[nodiscard]] bool equals(const audit_proof& other) const noexcept {
        return bulla_audit_proof_equals(handle_.get(), other.handle_.get()) != 0;
    }

  private:
    friend detail::access;
    explicit audit_proof(bulla_audit_proof* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_audit_proof, &bulla_audit_proof_free> handle_;
};

/// Turns a content, given in pieces, into the proof that one has it.
class prover {
  public:
    result<void> update(bytes_view content) {
        return detail::done([&](auto* why) { return bulla_prover_update(handle_.get(), content.data(), content.size(), why); });
    }
    /// None if what came is not the content in question.
    result<std::optional<audit_proof>> finish() {
        bulla_audit_proof* made = nullptr;
        return detail::answered<std::optional<audit_proof>>(
            [&](auto* why) { return bulla_prover_finish(handle_.get(), &made, why); },
            [&](bulla_status code) -> result<std::optional<audit_proof>> {
                return code == BULLA_NOTHING ? std::optional<audit_proof>()
                                             : std::optional<audit_proof>(detail::access::from<audit_proof>(made));
            });
    }

  private:
    friend detail::access;
    explicit prover(bulla_prover* handle) noexcept : handle_(handle) {}
    detail::handle<bulla_prover, &bulla_prover_free> handle_;
};

/// A question, and the envelope to send.
struct asking;

/// A question of an audit. Keep it until its answer has come; it holds nothing secret.
class question {
  public:
    /// Asks whether somebody still has the content of a message that was sent. The answer may come for 24 hours.
    static result<asking> ask(const identity& asker, const public_identity& holder, std::string_view context, const sent& about,
                              const clock* host_clock = nullptr);
    /// Reads what to_bytes() wrote: from one's own store, for nothing in it is signed.
    static result<question> from_bytes(bytes_view data) {
        return detail::made<question, bulla_question>(
            [&](auto** out, auto* why) { return bulla_question_from_bytes(data.data(), data.size(), out, why); });
    }
    [[nodiscard]] result<buffer> to_bytes() const {
        return detail::filled([&](auto* out, auto* why) { return bulla_question_to_bytes(handle_.get(), out, why); });
    }
    [[nodiscard]] bulla::message_id message_id() const {
        return detail::value_of<bulla::message_id>(handle_.get(), &bulla_question_message_id);
    }
    [[nodiscard]] std::optional<content_name> content() const {
        return detail::content_of(handle_.get(), &bulla_question_content);
    }
    [[nodiscard]] key asker() const { return detail::value_of<key>(handle_.get(), &bulla_question_asker); }
    [[nodiscard]] key holder() const { return detail::value_of<key>(handle_.get(), &bulla_question_holder); }
    [[nodiscard]] std::string context() const { return detail::text(bulla_question_context(handle_.get())); }
    /// Begins to prove that one has the content. The holder proves so, and so does the asker, to know the right answer.
    [[nodiscard]] result<bulla::prover> prover() const {
        return detail::made<bulla::prover, bulla_prover>(
            [&](auto** out, auto* why) { return bulla_question_prover(handle_.get(), out, why); });
    }
    /// Opens the answer; none if the holder has the content no more. It is the right one only if it equals the asker's own proof.
    [[nodiscard]] result<std::optional<audit_proof>> answer(const identity& asker, bytes_view envelope,
                                                            const clock* host_clock = nullptr) const {
        bulla_audit_proof* made = nullptr;
        return detail::answered<std::optional<audit_proof>>(
            [&](auto* why) {
                return bulla_question_answer(handle_.get(), detail::raw(asker), detail::clock_or_system(host_clock),
                                             envelope.data(), envelope.size(), &made, why);
            },
            [&](bulla_status code) -> result<std::optional<audit_proof>> {
                return code == BULLA_NOTHING ? std::optional<audit_proof>()
                                             : std::optional<audit_proof>(detail::access::from<audit_proof>(made));
            });
    }

    question(question&&) noexcept = default;
    question& operator=(question&&) noexcept = default;
    question(const question&) = delete;
    question& operator=(const question&) = delete;
    ~question() = default;

  private:
    friend detail::access;
    friend class asked;
    explicit question(bulla_question* handle) : handle_(handle, &bulla_question_free) {}
    explicit question(std::shared_ptr<const bulla_question> part) : handle_(std::move(part)) {}
    std::shared_ptr<const bulla_question> handle_;
};

struct asking {
    buffer envelope;
    bulla::question question;
};

inline result<asking> question::ask(const identity& asker, const public_identity& holder, std::string_view context,
                                    const sent& about, const clock* host_clock) {
    const detail::text_of text(context);
    if (!text.whole()) {
        return text.cut();
    }
    auto envelope = buffer::make();
    if (!envelope) {
        return envelope.error();
    }
    auto made = detail::made<question, bulla_question>([&](auto** out, auto* why) {
        return bulla_question_ask(detail::raw(asker), detail::clock_or_system(host_clock), detail::raw(holder), text.get(), &about,
                                  detail::raw(*envelope), out, why);
    });
    return made ? result<asking>(asking{*std::move(envelope), *std::move(made)}) : result<asking>(made.error());
}

/// A question that came, verified.
class asked {
  public:
    /// The policy: the context, and who may ask. Answer only those to whom the content is known already.
    static result<asked> open(const identity& holder, const policy& accepted, const guard& replay, bytes_view envelope,
                              const clock* host_clock = nullptr) {
        return detail::made<asked, bulla_asked>([&](auto** out, auto* why) {
            return bulla_asked_open(detail::raw(holder), detail::raw(accepted), detail::raw(replay),
                                    detail::clock_or_system(host_clock), envelope.data(), envelope.size(), out, why);
        });
    }
    [[nodiscard]] bulla::question question() const {
        return bulla::question(std::shared_ptr<const bulla_question>(handle_, bulla_asked_question(handle_.get())));
    }
    /// The answer, to be sent: that the content is held, with the proof of it.
    [[nodiscard]] result<buffer> answer(const identity& holder, const audit_proof& proof, const clock* host_clock = nullptr) const {
        return detail::filled([&](auto* out, auto* why) {
            return bulla_asked_answer(handle_.get(), detail::raw(holder), detail::clock_or_system(host_clock), detail::raw(proof),
                                      out, why);
        });
    }
    /// The answer, to be sent: that it is held no more.
    [[nodiscard]] result<buffer> answer_not_held(const identity& holder, const clock* host_clock = nullptr) const {
        return detail::filled([&](auto* out, auto* why) {
            return bulla_asked_answer_not_held(handle_.get(), detail::raw(holder), detail::clock_or_system(host_clock), out, why);
        });
    }

    asked(asked&&) noexcept = default;
    asked& operator=(asked&&) noexcept = default;
    asked(const asked&) = delete;
    asked& operator=(const asked&) = delete;
    ~asked() = default;

  private:
    friend detail::access;
    explicit asked(bulla_asked* handle) : handle_(handle, &bulla_asked_free) {}
    std::shared_ptr<bulla_asked> handle_;
};

} // namespace bulla

#endif
