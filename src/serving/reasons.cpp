#include "serving/reasons.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "core/time_format.h"

namespace tenure::serving {
namespace {

constexpr float kLeastLogOdds = 1e-4F;
constexpr std::string_view kValue = "{value}";

/// Errors say which placeholder is meant.
core::Result<> check_placeholders(std::string_view sentence) {
  for (std::size_t at = sentence.find('{'); at != std::string_view::npos;
       at = sentence.find('{', at + 1)) {
    if (sentence.substr(at).starts_with(kValue)) continue;
    const std::size_t end = sentence.find('}', at);
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("has '{}', but {{value}} is the only placeholder",
                    sentence.substr(at, end == std::string_view::npos ? end : end - at + 1))};
  }
  return {};
}

}  // namespace

std::size_t top_reasons(const Prediction& prediction, std::span<Contribution> out) {
  const float side = prediction.is_positive ? 1.0F : -1.0F;
  std::size_t count = 0;
  for (const Contribution& contribution : prediction.contributions) {
    const float weight = side * contribution.log_odds;
    if (!(weight >= kLeastLogOdds)) continue;
    std::size_t at = count;
    while (at > 0 && side * out[at - 1].log_odds < weight) --at;
    if (at == out.size()) continue;
    if (count < out.size()) ++count;
    for (std::size_t i = count - 1; i > at; --i) out[i] = out[i - 1];
    out[at] = contribution;
  }
  return count;
}

core::Result<ReasonTexts> ReasonTexts::from_config(const core::Config& config) {
  ReasonTexts texts;
  for (const std::string& input : config.names("model.reasons")) {
    const core::Config entry = config.at("model.reasons").entry(input);
    for (const std::string_view key : {"raises", "lowers"}) {
      if (auto ok = check_placeholders(entry.text(key)); !ok)
        return entry.error_at(key, ok.error().message);
    }
    texts.sentences_[input] = {entry.text("raises"), entry.text("lowers")};
  }
  return texts;
}

void ReasonTexts::append(std::string& out, const learn::InputField& input, const data::Cell& value,
                         bool is_raising) const {
  const auto found = sentences_.find(input.name);
  const std::string_view sentence = found == sentences_.end() ? std::string_view()
                                    : is_raising              ? found->second.raises
                                                              : found->second.lowers;
  if (sentence.empty()) {
    out += input.name;
    out += " is ";
    append_value(out, input, value);
    return;
  }
  std::size_t from = 0;
  for (std::size_t at = sentence.find(kValue); at != std::string_view::npos;
       at = sentence.find(kValue, from)) {
    out += sentence.substr(from, at - from);
    append_value(out, input, value);
    from = at + kValue.size();
  }
  out += sentence.substr(from);
}

std::vector<std::string_view> ReasonTexts::inputs() const {
  std::vector<std::string_view> names;
  for (const auto& [input, sentences] : sentences_) names.emplace_back(input);
  return names;
}

void append_value(std::string& out, const learn::InputField& input, const data::Cell& value) {
  using Kind = data::Cell::Kind;
  if (value.kind == Kind::kText) {
    out += value.text;
    return;
  }
  if (value.kind != Kind::kNumber || std::isnan(value.number)) {
    out += "missing";
    return;
  }
  if (input.type == data::ColumnType::kBoolean && (value.number == 0 || value.number == 1)) {
    out += value.number == 1 ? "true" : "false";
    return;
  }
  constexpr double kTimeMax = 9.2e18;
  if (input.type == data::ColumnType::kTimestamp && std::abs(value.number) < kTimeMax) {
    out += core::format_utc(static_cast<core::Micros>(value.number));
    return;
  }
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value.number).ptr);
}

}  // namespace tenure::serving
