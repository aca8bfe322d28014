#include "data/label.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "data/column_name.h"

namespace tenure::data {
namespace {

/// Words for the event and for its absence, in the languages and data sets that we met; without
/// "customer" beside them and without a negation before them.
constexpr std::array<std::string_view, 38> kEventWords = {
    "yes",          "y",        "true",     "t",         "1",      "1.0",        "churn",
    "churned",      "churner",  "churners", "churning",  "exited", "exit",       "left",
    "leave",        "leaver",   "leaves",   "leaving",   "lost",   "cancel",     "cancelled",
    "canceled",     "inactive", "attrited", "attrition", "gone",   "terminated", "closed",
    "defected",     "departed", "quit",     "resigned",  "lapsed", "expired",    "deactivated",
    "unsubscribed", "positive", "dropped"};
constexpr std::array<std::string_view, 34> kOtherWords = {
    "no",      "n",        "false",    "f",          "0",         "0.0",        "-1",
    "stay",    "stays",    "stayed",   "stayer",     "staying",   "retained",   "active",
    "current", "kept",     "loyal",    "existing",   "open",      "negative",   "remain",
    "remains", "remained", "renewed",  "subscribed", "continued", "continuing", "joined",
    "here",    "present",  "enrolled", "retain",     "engaged",   "ongoing"};

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

std::optional<double> as_number(std::string_view text) {
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_separator(char c) {
  return c == '_' || c == '-';
}

enum class Meaning { kUnknown, kEvent, kOther };

/// "Attrited Customer" → event, "not_churned" → other, "non-renewed" → event.
Meaning meaning_of(std::string_view value) {
  std::string text = lower_case(value);
  // The minus of a number is none between words.
  if (!as_number(text)) std::replace_if(text.begin(), text.end(), is_separator, ' ');
  for (const std::string_view noun : {" customers", " customer", " client", " member", " user"})
    if (text.ends_with(noun)) text.resize(text.size() - noun.size());
  for (const std::string_view noun : {"customer ", "client ", "has ", "is ", "will "})
    if (text.starts_with(noun)) text.erase(0, noun.size());
  bool is_negated = false;
  for (const std::string_view negation : {"not ", "non ", "no ", "did not ", "never "})
    if (text.starts_with(negation)) {
      text.erase(0, negation.size());
      is_negated = true;
      break;
    }
  if (is_one_of(text, kEventWords)) return is_negated ? Meaning::kOther : Meaning::kEvent;
  if (is_one_of(text, kOtherWords)) return is_negated ? Meaning::kEvent : Meaning::kOther;
  return Meaning::kUnknown;
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

  const Meaning first = meaning_of(values[0].text);
  const Meaning second = meaning_of(values[1].text);
  if ((first == Meaning::kEvent) != (second == Meaning::kEvent))
    return values[first == Meaning::kEvent ? 0 : 1].text;
  if ((first == Meaning::kOther) != (second == Meaning::kOther))
    return values[first == Meaning::kOther ? 1 : 0].text;
  return values[values[0].count <= values[1].count ? 0 : 1].text;
}

}  // namespace tenure::data
