#include "core/config.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "core/assert.h"
#include "core/config_tree.h"
#include "core/config_value.h"
#include "core/sha256.h"

namespace tenure::core {
namespace {

/// Where a path leads: its declaration, what was written there (null if nothing), and its parts.
struct Place {
  const KeyNode* keys = nullptr;
  const ConfigNode* written = nullptr;
  const ConfigNode* last_written = nullptr;  ///< the deepest written node on the way
  std::vector<std::string> segments;
};

void step_into(Place& place, std::string_view name) {
  place.keys = place.keys->find(name);
  // An undeclared key in the code is our own mistake.
  TENURE_ASSERT(place.keys != nullptr);
  if (place.written) place.written = place.written->find(name);
  if (place.written) place.last_written = place.written;
  place.segments.emplace_back(name);
}

/// The next part of a dotted path. Below a section of user-chosen names the longest written name
/// wins, so that names with dots are found.
std::string_view next_segment(const Place& place, std::string_view path) {
  const std::string_view first = path.substr(0, path.find('.'));
  if (!place.written || !place.keys->has_user_names()) return first;
  std::string_view best = first;
  for (const ConfigNode& child : place.written->children) {
    const std::string_view name = child.name;
    const bool is_prefix = path.substr(0, name.size()) == name &&
                           (path.size() == name.size() || path[name.size()] == '.');
    if (is_prefix && name.size() > best.size()) best = name;
  }
  return path.substr(0, best.size());
}

Place locate(const Config::Tree& tree, const std::vector<std::string>& prefix,
             std::string_view path) {
  Place place{&tree.keys, &tree.root, &tree.root, {}};
  for (const std::string& name : prefix) step_into(place, name);
  while (!path.empty()) {
    const std::string_view segment = next_segment(place, path);
    step_into(place, segment);
    path.remove_prefix(std::min(path.size(), segment.size() + 1));
  }
  return place;
}

const ConfigKey& leaf_key(const Place& place, std::initializer_list<ConfigType> types) {
  TENURE_ASSERT(place.keys->key != nullptr);
  bool is_declared = false;
  for (const ConfigType type : types) is_declared = is_declared || place.keys->key->type == type;
  TENURE_ASSERT(is_declared);
  return *place.keys->key;
}

ConfigValue value_at(const Place& place, const ConfigKey& key) {
  return place.written && place.written->value ? *place.written->value : default_value(key);
}

void append_sized(std::string& out, std::string_view text) {
  out += fmt::format("{}:{};", text.size(), text);
}

void append_value(std::string& out, const ConfigValue& value) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    out += fmt::format("list {} ", list->size());
    for (const std::string& item : *list) append_sized(out, item);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    append_sized(out, *text);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    append_sized(out, fmt::format("{}", *integer));
  } else if (const auto* number = std::get_if<double>(&value)) {
    append_sized(out, fmt::format("{}", *number));
  } else {
    append_sized(out, std::get<bool>(value) ? "true" : "false");
  }
}

/// Writes every effective value below a section, so that no two configurations give the same text.
void append_effective(std::string& out, const KeyNode& keys, const ConfigNode* written) {
  if (keys.key) {
    append_value(out, written && written->value ? *written->value : default_value(*keys.key));
    return;
  }
  out += '{';
  for (const KeyNode& child : keys.children) {
    if (child.name == "*") continue;
    append_sized(out, child.name);
    append_effective(out, child, written ? written->find(child.name) : nullptr);
  }
  if (written && keys.has_user_names()) {
    for (const ConfigNode& entry : written->children) {
      append_sized(out, entry.name);
      append_effective(out, *keys.find(entry.name), &entry);
    }
  }
  out += '}';
}

}  // namespace

Config::Config(std::shared_ptr<const Tree> tree, std::vector<std::string> prefix)
    : tree_(std::move(tree)), prefix_(std::move(prefix)) {}

std::string Config::text(std::string_view path) const {
  const Place place = locate(*tree_, prefix_, path);
  return std::get<std::string>(
      value_at(place, leaf_key(place, {ConfigType::kText, ConfigType::kAny})));
}

std::int64_t Config::integer(std::string_view path) const {
  const Place place = locate(*tree_, prefix_, path);
  return std::get<std::int64_t>(
      value_at(place, leaf_key(place, {ConfigType::kInteger, ConfigType::kBytes})));
}

double Config::number(std::string_view path) const {
  const Place place = locate(*tree_, prefix_, path);
  return std::get<double>(value_at(place, leaf_key(place, {ConfigType::kNumber})));
}

bool Config::boolean(std::string_view path) const {
  const Place place = locate(*tree_, prefix_, path);
  return std::get<bool>(value_at(place, leaf_key(place, {ConfigType::kBoolean})));
}

Micros Config::duration(std::string_view path) const {
  const Place place = locate(*tree_, prefix_, path);
  return std::get<std::int64_t>(value_at(place, leaf_key(place, {ConfigType::kDuration})));
}

std::vector<std::string> Config::list(std::string_view path) const {
  const Place place = locate(*tree_, prefix_, path);
  return std::get<std::vector<std::string>>(
      value_at(place, leaf_key(place, {ConfigType::kTextList})));
}

bool Config::is_set(std::string_view path) const {
  return locate(*tree_, prefix_, path).written != nullptr;
}

std::vector<std::string> Config::names(std::string_view path) const {
  const Place place = locate(*tree_, prefix_, path);
  TENURE_ASSERT(place.keys->has_user_names());
  std::vector<std::string> names;
  if (place.written)
    for (const ConfigNode& child : place.written->children) names.push_back(child.name);
  return names;
}

Config Config::at(std::string_view path) const {
  return Config(tree_, locate(*tree_, prefix_, path).segments);
}

Config Config::entry(std::string_view name) const {
  Place place = locate(*tree_, prefix_, {});
  step_into(place, name);
  return Config(tree_, std::move(place.segments));
}

Error Config::error_at(std::string_view path, std::string_view message) const {
  const Place place = locate(*tree_, prefix_, path);
  return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}: {}", place.last_written->where,
                                                        joined_path(place.segments), message)};
}

const std::filesystem::path& Config::directory() const {
  return tree_->directory;
}

std::filesystem::path Config::resolve(std::string_view value) const {
  const std::filesystem::path path(value);
  // "a/../b" is "b" only when `a` is no link to a folder elsewhere.
  if (!path.empty() && *path.begin() == "..") {
    std::error_code status;
    const auto directory = std::filesystem::weakly_canonical(tree_->directory, status);
    if (!status) return (directory / path).lexically_normal();
  }
  return (tree_->directory / path).lexically_normal();
}

std::string Config::digest() const {
  const Place place = locate(*tree_, prefix_, {});
  std::string text;
  append_effective(text, *place.keys, place.written);
  return sha256_hex(text);
}

}  // namespace tenure::core
