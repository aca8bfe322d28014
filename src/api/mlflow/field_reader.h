#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/mlflow/message.h"
#include "core/assert.h"

namespace tenure::api::mlflow {

/// Reads the fields of a message one after another and keeps the first error, so that a handler
/// asks once:
///
///   FieldReader in(Message::read(request));
///   const std::string name = in.required_text("name");
///   const auto tags = in.pairs("tags");
///   if (in.has_failed()) return in.error();
///
/// After an error every call gives an empty value.
class FieldReader {
 public:
  explicit FieldReader(core::Result<Message> message) : message_(std::move(message)) {
    if (!message_) error_ = message_.error();
  }

  bool has_failed() const { return error_.has_value(); }
  core::Error error() const {
    TENURE_ASSERT(error_.has_value());
    return *error_;
  }
  void fail(core::Error error) {
    if (!error_) error_ = std::move(error);
  }

  bool has(std::string_view name) const { return !error_ && message_->has(name); }
  void require(std::string_view name) {
    if (error_) return;
    if (auto found = message_->require(name); !found) error_ = std::move(found).error();
  }
  std::string required_text(std::string_view name) {
    return value([&](const Message& m) { return m.required_text(name); });
  }
  std::string text(std::string_view name) {
    return value([&](const Message& m) { return m.text(name); });
  }
  std::int64_t required_integer(std::string_view name) {
    return value([&](const Message& m) { return m.required_integer(name); });
  }
  std::optional<std::int64_t> integer(std::string_view name) {
    return value([&](const Message& m) { return m.integer(name); });
  }
  double required_number(std::string_view name) {
    return value([&](const Message& m) { return m.required_number(name); });
  }
  bool boolean(std::string_view name, bool if_absent) {
    return value([&](const Message& m) { return m.boolean(name, if_absent); });
  }
  std::optional<std::size_t> choice(std::string_view name,
                                    std::span<const std::string_view> names) {
    return value([&](const Message& m) { return m.choice(name, names); });
  }
  std::vector<std::string> texts(std::string_view name) {
    return value([&](const Message& m) { return m.texts(name); });
  }
  std::vector<Message> objects(std::string_view name) {
    return value([&](const Message& m) { return m.objects(name); });
  }
  std::map<std::string, std::string> pairs(std::string_view name) {
    return value([&](const Message& m) { return m.pairs(name); });
  }
  std::string required_run_id() {
    return value([](const Message& m) { return m.required_run_id(); });
  }

 private:
  template <class Read>
  auto value(Read read) -> typename decltype(read(std::declval<const Message&>()))::value_type {
    if (error_) return {};
    auto result = read(*message_);
    if (result) return *std::move(result);
    error_ = std::move(result).error();
    return {};
  }

  core::Result<Message> message_;
  std::optional<core::Error> error_;
};

}  // namespace tenure::api::mlflow
