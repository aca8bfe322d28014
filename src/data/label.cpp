#include "data/label.h"

#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "data/column_name.h"

namespace tenure::data {
namespace {

/// Words for the event and for its absence, in the languages and data sets that we met.
constexpr std::array<std::string_view, 23> kEventWords = {
    "yes",   "y",          "true",     "t",        "1",        "1.0",
    "churn", "churned",    "exited",   "exit",     "left",     "leaver",
    "lost",  "cancelled",  "canceled", "inactive", "attrited", "attrited customer",
    "gone",  "terminated", "closed",   "defected", "positive"};
constexpr std::array<std::string_view, 20> kOtherWords = {
    "no",          "n",        "false",    "f",
    "0",           "0.0",      "-1",       "stay",
    "stayed",      "retained", "active",   "current",
    "kept",        "loyal",    "existing", "existing customer",
    "not churned", "no churn", "open",     "negative"};

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  const std::string low = lower_case(text);
  for (const std::string_view word : words)
    if (low == word) return true;
  return false;
}

std::optional<double> as_number(std::string_view text) {
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string listed(std::span<const LabelValue> values) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < values.size() && i < kShown; ++i)
    text += fmt::format("{}'{}' ({} rows)", i == 0 ? "" : ", ",
                        std::string_view(values[i].text).substr(0, 60), values[i].count);
  if (values.size() > kShown) text += ", ...";
  return text;
}

template <typename IsEqual>
const LabelValue* only_match(std::span<const LabelValue> values, IsEqual is_equal) {
  const LabelValue* found = nullptr;
  for (const LabelValue& value : values) {
    if (!is_equal(value.text)) continue;
    if (found != nullptr) return nullptr;
    found = &value;
  }
  return found;
}

const LabelValue* match(std::span<const LabelValue> values, std::string_view wanted) {
  if (const auto* exact = only_match(values, [&](const auto& v) { return v == wanted; }))
    return exact;
  const std::string low = lower_case(wanted);
  if (const auto* folded = only_match(values, [&](const auto& v) { return lower_case(v) == low; }))
    return folded;
  const auto number = as_number(wanted);
  if (!number) return nullptr;
  return only_match(values, [&](const auto& v) { return as_number(v) == number; });
}

}  // namespace

core::Result<std::string> choose_positive(std::span<const LabelValue> values,
                                          std::string_view wanted) {
  const auto refuse = [&](std::string_view why) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("{}: {}", why, values.empty() ? "none" : listed(values))};
  };
  if (values.empty()) return refuse("the label is missing in every row; its values");
  const std::string_view clean = without_blanks(wanted);
  const LabelValue* chosen = clean.empty() ? nullptr : match(values, clean);
  if (!clean.empty() && chosen == nullptr)
    return refuse(fmt::format("the label never has the positive value '{}'; its values", clean));
  if (values.size() == 1) return refuse("the label has one class only");
  if (values.size() > 2) return refuse("the label has more than two values");
  if (chosen != nullptr) return chosen->text;

  const bool is_first = is_one_of(values[0].text, kEventWords);
  const bool is_second = is_one_of(values[1].text, kEventWords);
  if (is_first != is_second) return values[is_first ? 0 : 1].text;
  const bool is_not_first = is_one_of(values[0].text, kOtherWords);
  const bool is_not_second = is_one_of(values[1].text, kOtherWords);
  if (is_not_first != is_not_second) return values[is_not_first ? 1 : 0].text;
  return values[values[0].count <= values[1].count ? 0 : 1].text;
}

}  // namespace tenure::data
