#include "core/config_value.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "core/assert.h"
#include "core/time_format.h"

namespace tenure::core {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// The whole of `text` as a number; from_chars alone would stop early without complaint.
template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
  Number value{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_in_range(const AcceptedRange& range, double value) {
  if (range.has_low && (range.is_low_open ? value <= range.low : value < range.low)) return false;
  return !range.has_high || value <= range.high;
}

std::optional<bool> parse_boolean(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (lower == "true" || lower == "yes" || lower == "on") return true;
  if (lower == "false" || lower == "no" || lower == "off") return false;
  return std::nullopt;
}

std::string_view type_expectation(ConfigType type) {
  switch (type) {
    case ConfigType::kText:
      return "text";
    case ConfigType::kInteger:
      return "a whole number";
    case ConfigType::kNumber:
      return "a number";
    case ConfigType::kBoolean:
      return "true or false";
    case ConfigType::kDuration:
      return "a duration such as 250ms, 30s, 5m, 2h or 7d";
    case ConfigType::kBytes:
      return "a size such as 64MiB, 512KiB or 10GB";
    case ConfigType::kTextList:
      return "a list such as [a, b]";
    case ConfigType::kAny:
      break;
  }
  return "a single value";
}

std::optional<ConfigValue> parse_as_type(const ConfigKey& key, std::string_view text) {
  switch (key.type) {
    case ConfigType::kText:
    case ConfigType::kAny:
      return ConfigValue(std::string(text));
    case ConfigType::kInteger:
      if (const auto value = whole_number<std::int64_t>(trimmed(text))) return ConfigValue(*value);
      return std::nullopt;
    case ConfigType::kNumber:
      if (const auto value = whole_number<double>(trimmed(text)); value && std::isfinite(*value))
        return ConfigValue(*value);
      return std::nullopt;
    case ConfigType::kBoolean:
      if (const auto value = parse_boolean(trimmed(text))) return ConfigValue(*value);
      return std::nullopt;
    case ConfigType::kDuration:
      if (auto value = parse_duration(trimmed(text))) return ConfigValue(*value);
      return std::nullopt;
    case ConfigType::kBytes:
      if (auto value = parse_bytes(trimmed(text))) return ConfigValue(*value);
      return std::nullopt;
    case ConfigType::kTextList:
      break;
  }
  if (auto value = parse_text_list(text)) return ConfigValue(*std::move(value));
  return std::nullopt;
}

bool is_accepted(const ConfigKey& key, const ConfigValue& value) {
  if (const auto choices = accepted_choices(key); !choices.empty()) {
    const auto* text = std::get_if<std::string>(&value);
    for (const std::string& choice : choices)
      if (text && choice == *text) return true;
    return false;
  }
  const AcceptedRange range = accepted_range(key);
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    return is_in_range(range, static_cast<double>(*integer));
  if (const auto* number = std::get_if<double>(&value)) return is_in_range(range, *number);
  return true;
}

bool is_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  for (const char c : text) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!is_letter && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

}  // namespace

AcceptedRange accepted_range(const ConfigKey& key) {
  AcceptedRange range;
  const std::string_view accepted = key.accepted;
  const auto number = [&](std::string_view text) {
    if (key.type == ConfigType::kDuration || key.type == ConfigType::kBytes) {
      const auto value = key.type == ConfigType::kBytes ? parse_bytes(trimmed(text))
                                                        : parse_duration(trimmed(text));
      TENURE_ASSERT(value.has_value());
      return static_cast<double>(*value);
    }
    const auto value = whole_number<double>(trimmed(text));
    TENURE_ASSERT(value.has_value());
    return *value;
  };
  if (const auto dots = accepted.find(".."); dots != std::string_view::npos) {
    range.has_low = range.has_high = true;
    range.low = number(accepted.substr(0, dots));
    range.high = number(accepted.substr(dots + 2));
  } else if (accepted.substr(0, 1) == ">") {
    range.has_low = true;
    range.is_low_open = accepted.substr(1, 1) != "=";
    range.low = number(accepted.substr(range.is_low_open ? 1 : 2));
  }
  return range;
}

std::vector<std::string> accepted_choices(const ConfigKey& key) {
  std::vector<std::string> choices;
  if (key.type != ConfigType::kText || key.accepted.empty()) return choices;
  std::string_view rest = key.accepted;
  for (;;) {
    const auto bar = rest.find('|');
    choices.emplace_back(rest.substr(0, bar));
    if (bar == std::string_view::npos) return choices;
    rest.remove_prefix(bar + 1);
  }
}

std::string expectation(const ConfigKey& key) {
  const auto choices = accepted_choices(key);
  if (choices.size() == 1) return fmt::format("'{}'", choices.front());
  if (!choices.empty()) {
    std::string text = choices.front();
    for (std::size_t i = 1; i < choices.size(); ++i)
      text += (i + 1 == choices.size() ? " or " : ", ") + choices[i];
    return text;
  }
  std::string text(type_expectation(key.type));
  if (key.accepted.empty()) return text;
  const bool is_interval = key.accepted.find("..") != std::string_view::npos;
  return text + (is_interval ? " in " : " ") + std::string(key.accepted);
}

Result<ConfigValue> parse_value(const ConfigKey& key, std::string_view text) {
  auto value = parse_as_type(key, text);
  if (!value || !is_accepted(key, *value))
    return Error{ErrorCode::kInvalidArgument, expectation(key)};
  return *std::move(value);
}

ConfigValue default_value(const ConfigKey& key) {
  if (!key.default_value.empty()) {
    auto value = parse_value(key, key.default_value);
    TENURE_ASSERT(value.has_value());
    return *std::move(value);
  }
  switch (key.type) {
    case ConfigType::kInteger:
    case ConfigType::kDuration:
    case ConfigType::kBytes:
      return std::int64_t{0};
    case ConfigType::kNumber:
      return 0.0;
    case ConfigType::kBoolean:
      return false;
    case ConfigType::kTextList:
      return std::vector<std::string>{};
    case ConfigType::kText:
    case ConfigType::kAny:
      break;
  }
  return std::string();
}

Result<std::vector<std::string>> parse_text_list(std::string_view text) {
  std::vector<std::string> items;
  std::string_view rest = trimmed(text);
  if (rest.empty()) return items;
  for (;;) {
    std::string item;
    if (rest.substr(0, 1) == "'" || rest.substr(0, 1) == "\"") {
      const char quote = rest.front();
      std::size_t at = 1;
      // A doubled quote stands for itself, as in YAML's single quotes.
      for (; at < rest.size() && (rest[at] != quote || rest.substr(at + 1, 1) == rest.substr(0, 1));
           ++at) {
        if (rest[at] == quote) ++at;
        item += rest[at];
      }
      if (at >= rest.size())
        return Error{ErrorCode::kInvalidArgument, "a quote in a list does not end"};
      rest = trimmed(rest.substr(at + 1));
      if (!rest.empty() && rest.front() != ',')
        return Error{ErrorCode::kInvalidArgument, "a comma is missing after a quoted element"};
    } else {
      const auto comma = rest.find(',');
      item = std::string(trimmed(rest.substr(0, comma)));
      if (item.empty())
        return Error{ErrorCode::kInvalidArgument, "an element of a list is empty; write ''"};
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma);
    }
    items.push_back(std::move(item));
    if (rest.empty()) return items;
    rest = trimmed(rest.substr(1));
  }
}

Result<std::int64_t> parse_bytes(std::string_view text) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
  static constexpr std::array kUnits = std::to_array<Unit>({{"", 1},
                                                            {"B", 1},
                                                            {"kB", 1e3},
                                                            {"KB", 1e3},
                                                            {"MB", 1e6},
                                                            {"GB", 1e9},
                                                            {"TB", 1e12},
                                                            {"KiB", 1024.0},
                                                            {"MiB", 1024.0 * 1024},
                                                            {"GiB", 1024.0 * 1024 * 1024},
                                                            {"TiB", 1024.0 * 1024 * 1024 * 1024}});
  double amount = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (status == std::errc{} && amount >= 0) {
    const auto unit = trimmed({end, static_cast<std::size_t>(text.data() + text.size() - end)});
    for (const Unit& known : kUnits) {
      const double bytes = amount * known.bytes;
      if (known.name == unit && bytes < 9e18) return static_cast<std::int64_t>(std::llround(bytes));
    }
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{} is not {}", shown(text), type_expectation(ConfigType::kBytes))};
}

Result<std::string> expand_variables(std::string_view text,
                                     const std::map<std::string, std::string>& variables) {
  std::string out;
  while (!text.empty()) {
    const auto dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar);
    if (text.substr(0, 3) == "$${") {
      out += "${";
      text.remove_prefix(3);
      continue;
    }
    if (text.substr(0, 2) != "${") {
      out += '$';
      text.remove_prefix(1);
      continue;
    }
    const auto brace = text.find('}');
    if (brace == std::string_view::npos)
      return Error{ErrorCode::kInvalidArgument,
                   "'${' has no closing '}'; write $${ for the two characters themselves"};
    const std::string_view inner = text.substr(2, brace - 2);
    text.remove_prefix(brace + 1);
    const auto split = inner.find(":-");
    const std::string name(inner.substr(0, split));
    if (!is_name(name))
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("'${{{}}}' does not name a variable; expected ${{NAME}} or "
                               "${{NAME:-default}}",
                               inner)};
    const auto found = variables.find(name);
    const bool has_default = split != std::string_view::npos;
    if (found != variables.end() && (!found->second.empty() || !has_default)) {
      out += found->second;
    } else if (has_default) {
      out += inner.substr(split + 2);
    } else {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("the environment variable {0} is not set; set it, or write "
                               "${{{0}:-default}}",
                               name)};
    }
  }
  return out;
}

std::string without_secrets(std::string text) {
  const auto scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  // Rather too much than too little: passwords may hold any character, queries may hold keys.
  const auto at = text.rfind('@');
  const auto colon = text.find(':', scheme + 3);
  if (at != std::string::npos && colon != std::string::npos && colon < at)
    text.replace(colon + 1, at - colon - 1, "***");
  if (const auto query = text.find('?', scheme); query != std::string::npos)
    text.replace(query + 1, std::string::npos, "***");
  return text;
}

std::string shown(std::string_view value) {
  constexpr std::size_t kShownMax = 80;
  std::string text = without_secrets(std::string(value));
  if (text.size() > kShownMax) {
    std::size_t end = kShownMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end) + "…";
  }
  return "'" + text + "'";
}

}  // namespace tenure::core
