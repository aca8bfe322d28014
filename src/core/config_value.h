#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/config.h"
#include "core/result.h"

namespace tenure::core {

/// A value of the type its key declares: kText and kAny text; kInteger and kBytes integer;
/// kDuration integer (microseconds); kNumber double; kBoolean bool; kTextList a list.
using ConfigValue = std::variant<std::string, std::int64_t, double, bool, std::vector<std::string>>;

/// "a whole number in 1..65535": what `key` accepts, for messages and the reference page.
std::string expectation(const ConfigKey& key);

/// Reads one scalar as the key's type and checks `accepted`.
/// Errors: kInvalidArgument, whose message is the expectation alone: the caller knows whether the
/// value may be shown.
Result<ConfigValue> parse_value(const ConfigKey& key, std::string_view text);

/// The default of a key as a value; the type's empty value when it has none.
ConfigValue default_value(const ConfigKey& key);

/// "a, 'b, c', ''" as a list: quoted elements are taken literally, others without outer blanks.
/// Errors: kInvalidArgument for a missing end quote or an empty element without quotes.
Result<std::vector<std::string>> parse_text_list(std::string_view text);

/// "64MiB" as bytes. Units: B, kB KB MB GB TB (powers of 1000), KiB MiB GiB TiB.
Result<std::int64_t> parse_bytes(std::string_view text);

/// `text` with `${VAR}` and `${VAR:-default}` replaced and `$${` turned into `${`.
/// Errors: kInvalidArgument for an undefined variable, a broken name or a missing brace; the
/// message never holds a variable's value.
Result<std::string> expand_variables(std::string_view text,
                                     const std::map<std::string, std::string>& variables);

/// A text in which the password and the query of a URL are hidden, if it is one.
std::string without_secrets(std::string text);

/// A value as a message may show it: in quotes, cut at 80 bytes, without_secrets().
std::string shown(std::string_view value);

/// Numbers from `accepted`: "1..65535", "> 0", ">= 0", "1ms..365d", "1KiB..16MiB"; those of
/// kDuration in microseconds, those of kBytes in bytes, as the values are.
struct AcceptedRange {
  bool has_low = false, has_high = false, is_low_open = false;
  double low = 0, high = 0;
};
/// The range a key accepts; no range when it says nothing or gives a choice.
AcceptedRange accepted_range(const ConfigKey& key);
/// The words of "a|b|c"; none when `accepted` is no choice.
std::vector<std::string> accepted_choices(const ConfigKey& key);

}  // namespace tenure::core
