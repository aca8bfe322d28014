#include <algorithm>
#include <climits>
#include <unistd.h>

#include <fmt/format.h>

#include "core/ascii_case.h"
#include "core/config.h"
#include "core/config_tree.h"
#include "core/config_value.h"
#include "core/config_yaml.h"
#include "core/file.h"
#include "core/log.h"
#include "core/nearest.h"

namespace tenure::core {

/// Lays the sources of a configuration over one another and collects every mistake on the way.
struct ConfigLoader {
  struct Mistake {
    int line;  ///< in the file; what is not from the file comes last
    std::string text;
  };
  /// What to do with the pieces of one layer of YAML.
  struct Layer {
    bool is_expanded = true;  ///< false for overlays not chosen: their variables need not exist
  };
  using Path = std::vector<std::string>;

  const ConfigSource& source;
  std::string file;
  KeyNode keys = make_key_tree();
  ConfigNode root;
  std::vector<Mistake> mistakes;
  std::size_t entry_count = 0;

  explicit ConfigLoader(const ConfigSource& from) : source(from), file(from.file.string()) {
    root.where = file;
  }

  Result<Config> load(std::string_view text);

  void apply_document(std::string_view text);
  void apply_environments(const YamlNode& environments, int line);
  void apply_section(const YamlNode& raw, const KeyNode& section, ConfigNode& into, Path& path,
                     Layer layer, bool is_root);
  void apply_leaf(const YamlNode& raw, int line, const ConfigKey& key, ConfigNode& parent,
                  const Path& path, Layer layer);
  std::optional<ConfigValue> read_leaf(const YamlNode& raw, int line, const ConfigKey& key,
                                       const Path& path, Layer layer);
  std::optional<std::string> expand(const YamlNode& scalar, int line, const Path& path);
  void apply_variables();
  void apply_overrides();
  void apply_text(const Path& written, std::string_view text, const std::string& where,
                  bool is_shouted);
  std::optional<Path> resolve_names(const Path& written, const std::string& where, bool is_shouted);

  void complain(int line, const Path& path, std::string_view message);
  void complain_outside(std::string_view where, std::string_view message) {
    mistakes.push_back({INT_MAX, fmt::format("{}: {}", where, message)});
  }
  std::string unknown_key(const Path& path, const KeyNode& section, bool is_root) const;
  std::string place(int line) const { return line > 0 ? fmt::format("{}:{}", file, line) : file; }
};

namespace {

/// Aliases can make a short file describe endless entries.
constexpr std::size_t kEntriesMax = 50'000;

void find_keys_named(const KeyNode& node, std::string_view name, const std::string& path,
                     std::vector<std::string>& found) {
  for (const KeyNode& child : node.children) {
    const std::string child_path =
        path.empty() ? std::string(child.name) : path + "." + std::string(child.name);
    if (equals_ignoring_case(child.name, name)) found.push_back(child_path);
    find_keys_named(child, name, child_path, found);
  }
}

std::string joined_names(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

bool is_upper_case(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return lower;
}

/// "TENURE_SERVING_PORT" could be a slip for TENURE_SERVING__PORT; empty when it is not.
std::string single_underscore_slip(std::string_view name) {
  for (const ConfigKey& key : config_keys()) {
    std::string flat(key.path);
    std::replace(flat.begin(), flat.end(), '.', '_');
    if (equals_ignoring_case(flat, name)) return std::string(key.path);
  }
  return {};
}

}  // namespace

void ConfigLoader::complain(int line, const Path& path, std::string_view message) {
  mistakes.push_back(
      {line, path.empty() ? fmt::format("{}: {}", place(line), message)
                          : fmt::format("{}: {}: {}", place(line), joined_path(path), message)});
}

std::string ConfigLoader::unknown_key(const Path& path, const KeyNode& section,
                                      bool is_root) const {
  std::vector<std::string> siblings;
  for (const KeyNode& child : section.children) siblings.emplace_back(child.name);
  if (is_root) siblings.emplace_back("environments");
  if (const std::string_view best = nearest(path.back(), siblings); !best.empty()) {
    Path meant(path.begin(), path.end() - 1);
    meant.emplace_back(best);
    return fmt::format("unknown key; did you mean '{}'?", joined_path(meant));
  }
  std::vector<std::string> elsewhere;
  find_keys_named(keys, path.back(), {}, elsewhere);
  if (!elsewhere.empty()) return fmt::format("unknown key; did you mean '{}'?", elsewhere.front());
  return fmt::format("unknown key; known here: {}", joined_names(siblings));
}

std::optional<std::string> ConfigLoader::expand(const YamlNode& scalar, int line,
                                                const Path& path) {
  auto text = expand_variables(scalar.text, source.variables);
  if (!text) {
    complain(line, path, text.error().message);
    return std::nullopt;
  }
  return *std::move(text);
}

std::optional<ConfigValue> ConfigLoader::read_leaf(const YamlNode& raw, int line,
                                                   const ConfigKey& key, const Path& path,
                                                   Layer layer) {
  const bool is_list = raw.kind == YamlNode::Kind::kList && key.type == ConfigType::kTextList;
  if (raw.kind != YamlNode::Kind::kScalar && !is_list) {
    complain(line, path, fmt::format("expected {}, found {}", expectation(key), raw.kind_name()));
    return std::nullopt;
  }
  const auto is_variable = [](const YamlNode& node) {
    return node.text.find("${") != std::string::npos;
  };
  if (is_list) {
    std::vector<std::string> items;
    for (const auto& item : raw.items) {
      if (item->kind != YamlNode::Kind::kScalar) {
        complain(item->line, path,
                 item->kind == YamlNode::Kind::kNull
                     ? "an element of the list is empty; write '' for the empty text or 'null' for "
                       "the word, with quotes"
                     : fmt::format("expected a list of single values, found {} in it",
                                   item->kind_name()));
        continue;
      }
      if (!layer.is_expanded) continue;
      if (auto text = expand(*item, item->line, path)) items.push_back(*std::move(text));
    }
    return ConfigValue(std::move(items));
  }
  if (!layer.is_expanded && is_variable(raw)) return std::nullopt;
  const auto text = layer.is_expanded ? expand(raw, line, path) : raw.text;
  if (!text) return std::nullopt;
  auto value = parse_value(key, *text);
  if (!value) {
    // What a variable holds may be a secret: show what was written.
    complain(line, path,
             fmt::format("expected {}, found {}{}", value.error().message, shown(raw.text),
                         is_variable(raw) ? " (its value is not shown)" : ""));
    return std::nullopt;
  }
  return *std::move(value);
}

void ConfigLoader::apply_leaf(const YamlNode& raw, int line, const ConfigKey& key,
                              ConfigNode& parent, const Path& path, Layer layer) {
  if (raw.kind == YamlNode::Kind::kNull) {
    // "key:" without a value asks for the default, also over a value of a layer below.
    std::erase_if(parent.children,
                  [&](const ConfigNode& child) { return child.name == path.back(); });
    return;
  }
  auto value = read_leaf(raw, line, key, path, layer);
  if (!value) return;
  ConfigNode& node = parent.find_or_add(path.back(), place(line));
  node.where = place(line);
  node.value = *std::move(value);
}

void ConfigLoader::apply_section(const YamlNode& raw, const KeyNode& section, ConfigNode& into,
                                 Path& path, Layer layer, bool is_root) {
  for (const YamlNode::Member& member : raw.members) {
    if (is_root && member.name == "environments") continue;
    if (entry_count > kEntriesMax) return;
    if (++entry_count > kEntriesMax) {
      complain(member.line, {},
               fmt::format("more than {} entries; the rest is not read", kEntriesMax));
      return;
    }
    path.push_back(member.name);
    const KeyNode* child = section.find(member.name);
    if (member.name.empty()) {
      complain(member.line, path, "a name cannot be empty");
    } else if (!child) {
      complain(member.line, path, unknown_key(path, section, is_root));
    } else if (child->key) {
      apply_leaf(*member.value, member.line, *child->key, into, path, layer);
    } else if (member.value->kind == YamlNode::Kind::kMap ||
               member.value->kind == YamlNode::Kind::kNull) {
      ConfigNode& node = into.find_or_add(member.name, place(member.line));
      node.where = place(member.line);
      apply_section(*member.value, *child, node, path, layer, false);
    } else {
      complain(member.line, path,
               fmt::format("expected a section (keys below it, indented), found {}",
                           member.value->kind_name()));
    }
    path.pop_back();
  }
}

void ConfigLoader::apply_environments(const YamlNode& environments, int line) {
  std::string chosen = source.environment;
  if (chosen.empty())
    if (const auto found = source.variables.find("TENURE_ENVIRONMENT");
        found != source.variables.end())
      chosen = found->second;
  const bool is_map = environments.kind == YamlNode::Kind::kMap;
  if (!is_map && environments.kind != YamlNode::Kind::kNull) {
    complain(line, {"environments"},
             fmt::format("expected a section with one name per environment, found {}",
                         environments.kind_name()));
  }
  std::vector<std::string> known;
  bool is_found = chosen.empty();
  for (const YamlNode::Member& member : environments.members) {
    known.push_back(member.name);
    Path path{"environments", member.name};
    const YamlNode& overlay = *member.value;
    if (overlay.kind == YamlNode::Kind::kNull) {
      is_found = is_found || member.name == chosen;
      continue;
    }
    if (overlay.kind != YamlNode::Kind::kMap) {
      complain(member.line, path,
               fmt::format("expected a section (keys below it, indented), found {}",
                           overlay.kind_name()));
      continue;
    }
    const auto first_new = mistakes.size();
    Path inner;
    if (member.name == chosen) {
      is_found = true;
      apply_section(overlay, keys, root, inner, {}, false);
    } else {
      ConfigNode unused;
      apply_section(overlay, keys, unused, inner, {.is_expanded = false}, false);
    }
    for (std::size_t i = first_new; i < mistakes.size(); ++i)
      mistakes[i].text += fmt::format(" (in {})", joined_path(path));
  }
  if (is_found) return;
  complain(line, {"environments"},
           known.empty()
               ? fmt::format("there is no environment {}; the file defines none", shown(chosen))
               : fmt::format("there is no environment {}{}; known: {}", shown(chosen),
                             did_you_mean(chosen, known), joined_names(known)));
}

void ConfigLoader::apply_document(std::string_view text) {
  const YamlDocument document = read_yaml(text);
  for (const YamlMistake& mistake : document.mistakes) complain(mistake.line, {}, mistake.message);
  if (!document.root) {
    if (mistakes.empty())
      complain(0, {}, "the file is empty; begin with 'project: NAME', or run `tenure init`");
    return;
  }
  if (document.root->kind != YamlNode::Kind::kMap) {
    complain(document.root->line, {},
             fmt::format("expected sections such as 'data:' at the top, found {}",
                         document.root->kind_name()));
    return;
  }
  Path path;
  apply_section(*document.root, keys, root, path, {}, true);
  const YamlNode none;
  const YamlNode* environments = &none;
  int line = 0;
  for (const YamlNode::Member& member : document.root->members) {
    if (member.name != "environments") continue;
    environments = member.value.get();
    line = member.line;
  }
  apply_environments(*environments, line);
}

std::optional<ConfigLoader::Path> ConfigLoader::resolve_names(const Path& written,
                                                              const std::string& where,
                                                              bool is_shouted) {
  const KeyNode* section = &keys;
  const ConfigNode* node = &root;
  Path path;
  for (const std::string& name : written) {
    const KeyNode* child = section->find_ignoring_case(name);
    if (!child) {
      path.push_back(is_shouted ? to_lower(name) : name);
      complain_outside(where, section->key
                                  ? fmt::format("'{}' has no keys below it",
                                                joined_path({path.begin(), path.end() - 1}))
                                  : fmt::format("{}: {}", joined_path(path),
                                                unknown_key(path, *section, false)));
      return std::nullopt;
    }
    if (child->name != "*") {
      path.emplace_back(child->name);
    } else if (node && node->find(name)) {
      path.push_back(name);
    } else {
      // A name the user chose: as it is spelt in the file, if only the case differs.
      Path alike;
      if (node)
        for (const ConfigNode& entry : node->children)
          if (equals_ignoring_case(entry.name, name)) alike.push_back(entry.name);
      if (alike.size() > 1) {
        complain_outside(where, fmt::format("'{}' could be any of {}", name, joined_names(alike)));
        return std::nullopt;
      }
      const bool is_lowered = is_shouted && is_upper_case(name);
      path.push_back(alike.empty() ? (is_lowered ? to_lower(name) : name) : alike.front());
    }
    section = child;
    node = node ? node->find(path.back()) : nullptr;
  }
  if (section->key) return path;
  Path below;
  for (const KeyNode& child : section->children) below.emplace_back(child.name);
  complain_outside(where, fmt::format("'{}' is a section; set one of its keys: {}",
                                      joined_path(path), joined_names(below)));
  return std::nullopt;
}

void ConfigLoader::apply_text(const Path& written, std::string_view text, const std::string& where,
                              bool is_shouted) {
  const auto path = resolve_names(written, where, is_shouted);
  if (!path) return;
  const KeyNode* section = &keys;
  for (const std::string& name : *path) section = section->find(name);
  auto value = parse_value(*section->key, text);
  if (!value) {
    complain_outside(where, fmt::format("{}: expected {}, found {}", joined_path(*path),
                                        value.error().message, shown(text)));
    return;
  }
  ConfigNode* node = &root;
  for (const std::string& name : *path) node = &node->find_or_add(name, where);
  node->where = where;
  node->value = *std::move(value);
}

void ConfigLoader::apply_variables() {
  constexpr std::string_view kPrefix = "TENURE_";
  for (const auto& [name, value] : source.variables) {
    if (name.rfind(kPrefix, 0) != 0 || name == "TENURE_ENVIRONMENT" || name == "TENURE_CONFIG")
      continue;
    std::string_view rest = std::string_view(name).substr(kPrefix.size());
    Path written;
    for (;;) {
      const auto split = rest.find("__");
      written.emplace_back(rest.substr(0, split));
      if (split == std::string_view::npos) break;
      rest.remove_prefix(split + 2);
    }
    if (written.size() == 1) {
      const KeyNode* only = keys.find_ignoring_case(written.front());
      if (!only || !only->key) {
        // Not ours to refuse: Kubernetes, for one, sets TENURE_PORT and its like by itself.
        if (const std::string meant = single_underscore_slip(written.front()); !meant.empty())
          log_warn("config", fmt::format("{} is ignored; for the key {} two underscores stand for "
                                         "each dot",
                                         name, meant));
        continue;
      }
    }
    if (std::any_of(written.begin(), written.end(),
                    [](const auto& part) { return part.empty(); })) {
      complain_outside(name, "a name between double underscores is empty");
      continue;
    }
    apply_text(written, value, name, true);
  }
}

void ConfigLoader::apply_overrides() {
  for (const std::string& override : source.overrides) {
    // Names may hold '=', but only within quotes.
    std::size_t equals = 0;
    char quote = 0;
    for (; equals < override.size() && (quote != 0 || override[equals] != '='); ++equals) {
      const char c = override[equals];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '\'' || c == '"') {
        quote = c;
      }
    }
    const std::string name = override.substr(0, equals);
    const std::string where = "--set";
    if (equals >= override.size()) {
      complain_outside(
          "--set",
          fmt::format("expected KEY=VALUE such as serving.port=9000, found {}", shown(override)));
      continue;
    }
    auto written = split_path(name);
    if (!written) {
      complain_outside(where + " " + name, written.error().message);
      continue;
    }
    apply_text(*written, std::string_view(override).substr(equals + 1), where, false);
  }
}

Result<Config> ConfigLoader::load(std::string_view text) {
  apply_document(text);
  apply_variables();
  apply_overrides();
  if (!mistakes.empty()) {
    std::stable_sort(mistakes.begin(), mistakes.end(),
                     [](const Mistake& a, const Mistake& b) { return a.line < b.line; });
    std::string message;
    for (const Mistake& mistake : mistakes) message += (message.empty() ? "" : "\n") + mistake.text;
    return Error{ErrorCode::kInvalidArgument, std::move(message)};
  }
  std::error_code ignored;
  std::filesystem::path absolute = std::filesystem::absolute(source.file, ignored);
  auto tree = std::make_shared<Config::Tree>();
  tree->keys = std::move(keys);
  tree->root = std::move(root);
  tree->directory = absolute.lexically_normal().parent_path();
  return Config(std::move(tree), {});
}

Result<Config> load_config(const ConfigSource& source) {
  auto text = read_file(source.file);
  if (!text && text.error().code == ErrorCode::kNotFound && !source.text_without_file.empty())
    return parse_config(source.text_without_file, source);
  if (!text && text.error().code == ErrorCode::kNotFound)
    return Error{ErrorCode::kNotFound,
                 fmt::format("{} does not exist; run `tenure init` to make a project, or give the "
                             "file with --config",
                             source.file.string())};
  if (!text) return std::move(text).error();
  return parse_config(*text, source);
}

Result<Config> parse_config(std::string_view yaml, const ConfigSource& source) {
  return ConfigLoader(source).load(yaml);
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = ::environ; entry && *entry; ++entry) {
    const std::string_view pair(*entry);
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos)
      variables.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return variables;
}

}  // namespace tenure::core
