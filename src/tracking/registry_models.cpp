#include <fmt/format.h>

#include "tracking/audit.h"
#include "tracking/registry.h"
#include "tracking/registry_rows.h"
#include "tracking/registry_writes.h"
#include "tracking/validation.h"

// Registry: the registered models themselves.
namespace tenure::tracking {
namespace {

using storage::SqlExecutor;

struct NewModel {
  std::string_view name;
  std::string_view description = {};
  const std::map<std::string, std::string>& tags;
};

core::Result<> insert_model(SqlExecutor& sql, const NewModel& model, core::Micros now,
                            const Change& change) {
  auto row = changed(sql.execute(
      "INSERT INTO registered_models (name, creation_time, last_updated_time, description) "
      "VALUES (:name, :created, :updated, :description)",
      {std::string(model.name), now / 1000, now / 1000, std::string(model.description)}));
  if (!row) return row;
  for (const auto& [key, value] : model.tags) {
    if (auto tagged = write_model_tag(sql, model.name, key, value); !tagged) return tagged;
  }
  return add_audit(sql, now, {"create_model", model_subject(model.name), "", ""}, change);
}

core::Error model_exists(std::string_view name) {
  return core::Error{core::ErrorCode::kAlreadyExists,
                     fmt::format("Registered Model (name={}) already exists.", name)};
}

}  // namespace

core::Result<RegisteredModel> Registry::create_model_if_missing(std::string_view name,
                                                                const Change& change) {
  if (auto checked = check_model_name(name); !checked) return std::move(checked).error();
  const core::Micros now = clock_->now();
  auto made = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    auto known = read_model(sql, name);
    if (!known) return std::move(known).error();
    if (*known) return {};
    return insert_model(sql, {.name = name, .tags = {}}, now, change);
  });
  // Another process was faster: then the model is there.
  if (!made && made.error().code != core::ErrorCode::kAlreadyExists) return std::move(made).error();
  return get_model(name);
}

core::Result<RegisteredModel> Registry::create_model(std::string_view name,
                                                     std::string_view description,
                                                     const std::map<std::string, std::string>& tags,
                                                     const Change& change) {
  if (auto checked = check_model_name(name); !checked) return std::move(checked).error();
  if (auto checked = check_text(description, kDescriptionMax, "description"); !checked)
    return std::move(checked).error();
  for (const auto& [key, value] : tags) {
    if (auto checked = check_tag(database_->backend(), key, value); !checked)
      return std::move(checked).error();
  }
  const core::Micros now = clock_->now();
  auto made = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    return insert_model(sql, {name, description, tags}, now, change);
  });
  if (!made) {
    if (made.error().code == core::ErrorCode::kAlreadyExists) return model_exists(name);
    return std::move(made).error();
  }
  return RegisteredModel{.name = std::string(name),
                         .created_ms = now / 1000,
                         .updated_ms = now / 1000,
                         .description = std::string(description),
                         .tags = tags,
                         .aliases = {}};
}

core::Result<RegisteredModel> Registry::get_model(std::string_view name) {
  return must_read_model(*database_, name);
}

core::Result<std::vector<RegisteredModel>> Registry::list_models() {
  auto names = database_->query("SELECT name FROM registered_models ORDER BY name");
  if (!names) return std::move(names).error();
  std::vector<RegisteredModel> models;
  for (const storage::SqlRow& row : *names) {
    auto model = read_model(*database_, row.text(0));
    if (!model) return std::move(model).error();
    if (*model) models.push_back(std::move(**model));
  }
  return models;
}

core::Result<RegisteredModel> Registry::rename_model(std::string_view name,
                                                     std::string_view new_name,
                                                     const Change& change) {
  if (auto checked = check_model_name(new_name); !checked) return std::move(checked).error();
  const core::Micros now = clock_->now();
  RegisteredModel model;
  auto done = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_model(sql, name, now / 1000); !held) return held;
    if (name != new_name) {
      // The foreign keys of versions, tags and aliases cascade.
      auto renamed =
          changed(sql.execute("UPDATE registered_models SET name = :new WHERE name = :name",
                              {std::string(new_name), std::string(name)}));
      if (!renamed) return renamed;
      auto touched = changed(
          sql.execute("UPDATE model_versions SET last_updated_time = :now WHERE name = :name",
                      {now / 1000, std::string(new_name)}));
      if (!touched) return touched;
      // One row ends the history under the old name, the next begins that under the new one:
      // audit_of_model goes from the second to the first.
      for (const std::string_view subject : {name, new_name}) {
        auto audited = add_audit(
            sql, now, {"rename", model_subject(subject), std::string(name), std::string(new_name)},
            change);
        if (!audited) return audited;
      }
    }
    auto read = must_read_model(sql, new_name);
    if (!read) return std::move(read).error();
    model = *std::move(read);
    return {};
  });
  if (!done) {
    if (done.error().code == core::ErrorCode::kAlreadyExists) return model_exists(new_name);
    return std::move(done).error();
  }
  return model;
}

core::Result<RegisteredModel> Registry::describe_model(std::string_view name,
                                                       std::string_view description,
                                                       const Change& change) {
  if (auto checked = check_text(description, kDescriptionMax, "description"); !checked)
    return std::move(checked).error();
  const core::Micros now = clock_->now();
  RegisteredModel model;
  auto done = database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_model(sql, name, now / 1000); !held) return held;
    auto read = must_read_model(sql, name);
    if (!read) return std::move(read).error();
    model = *std::move(read);
    const std::string before = std::exchange(model.description, std::string(description));
    auto written = changed(
        sql.execute("UPDATE registered_models SET description = :description WHERE name = :name",
                    {model.description, model.name}));
    if (!written) return written;
    return add_audit(sql, now, {"describe", model_subject(name), before, model.description},
                     change);
  });
  if (!done) return std::move(done).error();
  return model;
}

core::Result<> Registry::remove_model(std::string_view name, const Change& change) {
  const core::Micros now = clock_->now();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_model(sql, name); !held) return held;
    auto versions = sql.query(
        "SELECT COUNT(*) FROM model_versions WHERE name = :name AND current_stage <> "
        "'Deleted_Internal'",
        {std::string(name)});
    if (!versions) return std::move(versions).error();
    for (const std::string_view table :
         {"model_version_tags", "model_versions", "registered_model_tags",
          "registered_model_aliases", "registered_models"}) {
      auto gone = changed(sql.execute(fmt::format("DELETE FROM {} WHERE name = :name", table),
                                      {std::string(name)}));
      if (!gone) return gone;
    }
    return add_audit(sql, now,
                     {"delete_model", model_subject(name),
                      fmt::format("versions={}", versions->front().integer(0)), ""},
                     change);
  });
}

core::Result<> Registry::set_model_tag(std::string_view name, std::string_view key,
                                       std::string_view value, const Change& change) {
  if (auto checked = check_tag(database_->backend(), key, value); !checked) return checked;
  const core::Micros now = clock_->now();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_model(sql, name); !held) return held;
    auto known = must_read_model(sql, name);
    if (!known) return std::move(known).error();
    const std::string tag(key);
    const auto old = known->tags.find(tag);
    const std::string before =
        old == known->tags.end() ? "" : fmt::format("{}={}", tag, old->second);
    if (auto written = write_model_tag(sql, name, tag, std::string(value)); !written)
      return written;
    return add_audit(
        sql, now, {"tag", model_subject(name), before, fmt::format("{}={}", tag, value)}, change);
  });
}

core::Result<> Registry::delete_model_tag(std::string_view name, std::string_view key,
                                          const Change& change) {
  if (auto checked = check_key(key, "key", "key"); !checked) return checked;
  const core::Micros now = clock_->now();
  return database_->transaction([&](SqlExecutor& sql) -> core::Result<> {
    if (auto held = hold_model(sql, name); !held) return held;
    auto known = must_read_model(sql, name);
    if (!known) return std::move(known).error();
    const auto old = known->tags.find(std::string(key));
    if (old == known->tags.end()) return {};
    auto gone =
        changed(sql.execute("DELETE FROM registered_model_tags WHERE name = :name AND key = :key",
                            {std::string(name), old->first}));
    if (!gone) return gone;
    return add_audit(
        sql, now,
        {"delete_tag", model_subject(name), fmt::format("{}={}", old->first, old->second), ""},
        change);
  });
}

}  // namespace tenure::tracking
