#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace tenure::core {

enum class ConfigType : std::uint8_t {
  kText,
  kInteger,
  kNumber,
  kBoolean,
  kDuration,  ///< "30s"; Config::duration gives microseconds
  kBytes,     ///< "64MiB", "512KiB", "10GB" or a bare number; Config::integer gives bytes
  kTextList,  ///< YAML sequence of scalars, or "a, b, c" in one scalar (environment, flags)
  kAny,       ///< any scalar, kept as text: parameters handed to a library
};

/// One key of tenure.yaml. The table of all keys (config_keys.cpp) is the only place a key is
/// declared: the loader, the environment, the flags, the reference page and the JSON Schema all
/// read it.
struct ConfigKey {
  std::string_view path;  ///< "serving.port"; a "*" segment stands for a name the user chooses
  ConfigType type;
  std::string_view default_value;  ///< as one would write it in YAML; empty = no default
  std::string_view accepted;       ///< "1..65535", "> 0", "1KiB..16MiB", "a|b|c"; empty = any
  std::string_view description;    ///< one sentence
};

/// All keys, sections together, in the order of the reference page.
std::span<const ConfigKey> config_keys();

/// A cursor into a loaded configuration: the root, a section, or one of the user's named entries.
/// Every getter takes a dotted path below the cursor, answers the value or the key's default, and
/// checks in the key table that such a key of that type is declared (TENURE_ASSERT: an undeclared
/// key is our own mistake, never the user's). Cheap to copy; valid as long as any copy lives.
/// Immutable, thread-safe.
class Config {
 public:
  std::string text(std::string_view path) const;
  std::int64_t integer(std::string_view path) const;  ///< kInteger and kBytes
  double number(std::string_view path) const;
  bool boolean(std::string_view path) const;
  Micros duration(std::string_view path) const;
  std::vector<std::string> list(std::string_view path) const;

  bool is_set(std::string_view path) const;  ///< written by the user (file, environment or flag)

  /// The user's own names below a map, in file order: names("features.views").
  std::vector<std::string> names(std::string_view path) const;

  Config at(std::string_view path) const;  ///< the section at a dotted path
  Config entry(
      std::string_view name) const;  ///< the child of that literal name, dots and blanks included

  /// An error about a key below this cursor: "tenure.yaml:12: features.views.usage.ttl: <message>".
  Error error_at(std::string_view path, std::string_view message) const;

  /// Folder of tenure.yaml; relative paths in values are relative to it.
  const std::filesystem::path& directory() const;

  /// `value` of a path-like key, made absolute with directory().
  std::filesystem::path resolve(std::string_view value) const;

  /// SHA-256 (hex) of the effective values: equal configurations have equal digests.
  std::string digest() const;

  struct Tree;  ///< opaque: the merged, validated values

 private:
  friend struct ConfigLoader;
  Config(std::shared_ptr<const Tree> tree, std::vector<std::string> prefix);
  std::shared_ptr<const Tree> tree_;
  std::vector<std::string> prefix_;
};

struct ConfigSource {
  /// The file. When it does not exist, loading fails with kNotFound and the hint to run `tenure
  /// init`.
  std::filesystem::path file = "tenure.yaml";
  /// Stands for the file when it does not exist; empty: it must.
  std::string text_without_file = {};
  /// Which of `environments` is laid over the base; "" = none. Unknown names are an error listing
  /// the known.
  std::string environment;
  /// "TENURE_STORAGE__DATABASE=…" pairs; the process passes its own environment, tests pass what
  /// they want. TENURE_ENVIRONMENT chooses the overlay when `environment` is empty; it and
  /// TENURE_CONFIG are no keys.
  std::map<std::string, std::string> variables;
  /// "serving.port=9000" from `--set`, highest precedence.
  std::vector<std::string> overrides;
};

/// Loads, merges (defaults < file < overlay < environment < overrides), expands `${VAR}` and
/// `${VAR:-default}` (an undefined VAR without default is an error; `$${` stands for a literal
/// `${`), and validates everything. Errors: kNotFound; kInvalidArgument. All mistakes are reported
/// at once, one a line, each with file:line, key, what was found and what is accepted; an unknown
/// key names the nearest known one. Values of keys that hold secrets (URLs with a password) are
/// never part of a message.
Result<Config> load_config(const ConfigSource& source);

/// As load_config, from text: for tests and `tenure init`.
Result<Config> parse_config(std::string_view yaml, const ConfigSource& source);

/// The JSON Schema (draft 2020-12) of tenure.yaml and the reference page in Markdown, made from the
/// key table.
std::string config_json_schema();
std::string config_reference_markdown();

/// The process's environment as a map.
std::map<std::string, std::string> process_environment();

}  // namespace tenure::core
