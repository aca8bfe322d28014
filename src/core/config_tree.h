#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/config_value.h"

namespace tenure::core {

/// The key table as a tree: a leaf has a key, a section has children, of which "*" stands for any
/// name.
struct KeyNode {
  std::string_view name;
  const ConfigKey* key = nullptr;
  std::vector<KeyNode> children;

  const KeyNode* find(std::string_view child) const;  ///< by exact name, else "*", else null
  const KeyNode* find_ignoring_case(std::string_view child) const;
  bool has_user_names() const;  ///< "*" is a child
};

KeyNode make_key_tree();

/// The merged configuration: only what somebody wrote.
struct ConfigNode {
  std::string name;
  std::string where;                 ///< "tenure.yaml:12", "TENURE_SERVING__PORT", "--set"
  std::optional<ConfigValue> value;  ///< of a leaf
  std::vector<ConfigNode> children;  ///< of a section, in the order written

  const ConfigNode* find(std::string_view child) const;
  ConfigNode& find_or_add(std::string_view child, std::string_view origin);
};

struct Config::Tree {
  KeyNode keys;
  ConfigNode root;
  std::filesystem::path directory;
};

/// "features.views.'my view'.ttl": segments with dots or blanks are quoted.
std::string joined_path(const std::vector<std::string>& segments);

/// Splits "a.'b c'.d" as joined_path writes it; double quotes do as well.
/// Errors: kInvalidArgument for an empty segment or a quote without end.
Result<std::vector<std::string>> split_path(std::string_view path);

}  // namespace tenure::core
