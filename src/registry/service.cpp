#include "registry/service.hpp"

#include "identity/visibility.hpp"
#include "platform/storage/download.hpp"
#include "registry/rules.hpp"
#include "registry/store.hpp"

namespace modelops::registry {
namespace {

using identity::audience_of;

/// Finding the tags of a model costs a look-up each.
constexpr std::int64_t models_counted_for_tags = 10'000;

[[noreturn]] void outdated() {
  fail(ErrorCode::precondition_failed, "Somebody changed this meanwhile. Read it again and repeat your change.");
}

query::Field nullable(query::Field field) {
  field.nullable = true;
  return field;
}

const query::FieldTable& model_fields() {
  using query::FieldType;
  static const query::FieldTable fields{
      .alias = "m",
      .fields =
          {{.name = "name", .column = "m.name", .folded = "m.name", .sortable = true},
           {.name = "display_name", .column = "m.display_name", .folded = "lower(m.display_name)"},
           {.name = "description", .column = "m.description", .folded = "lower(m.description)"},
           query::enumeration<Visibility>("visibility", "m.visibility"),
           {.name = "team_id", .column = "m.team_id", .nullable = true},
           nullable(query::enumeration<ModelInterface>("interface", "m.interface")),
           {.name = "engine", .column = "m.engine", .folded = "m.engine", .nullable = true},
           nullable(query::enumeration<Framework>("framework", "m.framework")),
           {.name = "architecture", .column = "m.architecture", .folded = "lower(m.architecture)", .nullable = true},
           {.name = "parameter_count", .column = "m.parameter_count", .type = FieldType::integer, .nullable = true},
           nullable(query::enumeration<SizeClass>("size_class", "m.size_class")),
           {.name = "license", .column = "m.license", .folded = "lower(m.license)", .nullable = true},
           {.name = "latest_version", .column = "m.latest_version", .type = FieldType::integer},
           query::enumeration<VersionApproval>("latest_approval", "m.latest_approval"),
           {.name = "created_by", .column = "m.created_by"},
           {.name = "created_at", .column = "m.created_at", .type = FieldType::time, .sortable = true},
           {.name = "updated_at", .column = "m.updated_at", .type = FieldType::time, .sortable = true}},
      .tags = query::TagTable{"model_tags", "model_id"},
      .default_order = "name"};
  return fields;
}

const query::FieldTable& version_fields() {
  using query::FieldType;
  static const query::FieldTable fields{
      .alias = "v",
      .fields = {{.name = "version", .column = "v.version", .type = FieldType::integer, .sortable = true},
                 {.name = "digest", .column = "v.digest"},
                 {.name = "size_bytes", .column = "v.size_bytes", .type = FieldType::integer},
                 query::enumeration<VersionApproval>("approval_state", "v.approval_state"),
                 {.name = "created_by", .column = "v.created_by"},
                 {.name = "created_at", .column = "v.created_at", .type = FieldType::time, .sortable = true}},
      .default_order = "version desc"};
  return fields;
}

ModelVersion to_version(const VersionRow& row, const std::vector<Alias>& aliases) {
  ModelVersion out{row.id,
                   row.model_id,
                   row.version,
                   row.digest,
                   row.size_bytes,
                   row.file_count,
                   row.description,
                   row.approval_state,
                   row.approval_id,
                   row.self_approved,
                   {},
                   row.created_by,
                   row.row_version,
                   row.created_at};
  for (const Alias& alias : aliases)
    if (alias.version == row.version) out.aliases.push_back(alias.alias.str());
  return out;
}

void check_tags(const Tags& tags) {
  if (tags.size() > tags_max) fail_field("/tags", fmt::format("must be {} tags at most", tags_max));
}

void require_settable(const AliasName& alias) {
  if (alias.str() == latest_approved)
    fail_field("/alias", "is kept by the system: it follows the highest approved version. Choose another name");
}

/// Whose models a list has; empty: anybody's.
std::string_view organization_of(const Context& ctx, ModelScope scope) {
  return scope == ModelScope::public_ ? std::string_view() : ctx.org_id;
}

UploadId upload_of(const Source& source) { return std::get<UploadSource>(source).upload_id; }

}  // namespace

// -------------------------------------------------------------------------------------------------- shared

Model Service::find_or_fail(db::Tx& tx, const Context& ctx, const std::string& id_or_name) {
  auto found = store::find_model(tx, ctx, id_or_name);
  if (!found) fail(ErrorCode::not_found, fmt::format("There is no model {} here.", id_or_name));
  return std::move(*found);
}

Model Service::find_to_change(db::Tx& tx, const Context& ctx, const std::string& id_or_name) {
  // Within the organisation whoever sees a model may change it; beyond it a public one can only be read.
  Model model = find_or_fail(tx, ctx, id_or_name);
  if (model.org_id.str() != ctx.org_id)
    fail(ErrorCode::forbidden, "This model belongs to another organization: you can read it, not change it.");
  return model;
}

VersionRow Service::version_or_fail(db::Tx& tx, const Model& model, std::int64_t version) {
  auto found = store::find_version(tx, model, version);
  if (!found) fail(ErrorCode::not_found, fmt::format("{} has no version {}.", model.name.str(), version));
  return std::move(*found);
}

ModelVersion Service::to_version(db::Tx& tx, const VersionRow& row) {
  return registry::to_version(row, store::aliases(tx, row.org_id.str(), row.model_id));
}

void Service::tell(db::Tx& tx, const Context& ctx, const Audience& audience, const identity::Act& act) {
  audit_.record(tx, ctx, act);
  events_.publish(tx, ctx.org_id, audience, act.action, act.subject_kind, act.subject_id);
}

std::optional<identity::TeamId> Service::team_of(db::Tx& tx, const Context& ctx, const std::optional<Reference>& team) {
  if (!team) return std::nullopt;
  const auto id = store::find_team(tx, ctx.org_id, team->str());
  if (!id) fail_field("/team", "names no team of your organization");
  if (!ctx.may(identity::organization_see_all) &&
      std::ranges::find(ctx.actor.team_ids, id->str()) == ctx.actor.team_ids.end())
    fail_field("/team", "must be a team that you are a member of");
  return id;
}

// ------------------------------------------------------------------------------------------------ analysis

jobs::Operation Service::start_analysis(db::Tx& tx, const Context& ctx, const UploadId& upload) {
  return operations_.create(tx, ctx,
                            {std::string(analyze_kind), "upload", upload.str(), {{"upload_id", upload.str()}}});
}

jobs::Operation Service::analyze(const Context& ctx, const AnalyzeSource& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    uploads_.seal(tx, ctx, request.upload_id);
    const std::string owner = store::find_upload(tx, ctx.org_id, request.upload_id.str())->created_by;
    tell(tx, ctx, Audience::only(owner), {"upload.analyze", "upload", request.upload_id.str()});
    return start_analysis(tx, ctx, request.upload_id);
  });
}

/// Sets what the model has from its source, and starts the analysis that nobody did yet.
void Service::attach_source(db::Tx& tx, const Context& ctx, const CreateModel& request, Model& model) {
  std::optional<UploadId> upload;
  if (request.analysis_operation_id) {
    const auto operation = [&] {
      try {
        return operations_.get(tx, ctx, *request.analysis_operation_id);
      } catch (const Error& error) {
        if (error.code != ErrorCode::not_found) throw;
        fail_field("/analysis_operation_id", "names no operation of your organization");
      }
    }();
    upload = UploadId::parse(operation.subject_id);
    if (operation.kind != analyze_kind || !upload) fail_field("/analysis_operation_id", "is not an analysis");
    if (operation.state == jobs::OperationState::cancelled) fail_field("/analysis_operation_id", "was cancelled");
    if (operation.state == jobs::OperationState::failed)
      fail_field("/analysis_operation_id",
                 "failed: " + (operation.problem ? operation.problem->detail : std::string("see the operation")));
    model.analysis_operation_id = operation.id;
  }
  if (request.source) {
    const UploadId named = upload_of(*request.source);
    if (upload && *upload != named) fail_field("/source", "is not what the analysis is about");
    upload = named;
  }
  if (!upload) return;
  model.source_upload_id = *upload;
  model.source_digest = uploads_.seal(tx, ctx, *upload);
  if (const auto analysis = store::find_analysis(tx, ctx.org_id, model.source_digest->str())) {
    model.framework = analysis->framework;
    model.architecture = analysis->architecture;
    model.parameter_count = analysis->parameter_count;
    model.size_class = analysis->size_class;
    model.license = analysis->license;
    if (!model.interface) model.interface = analysis->interface;
    if (!model.engine) model.engine = analysis->recommended_engine;
  } else if (!model.analysis_operation_id) {
    model.analysis_operation_id = start_analysis(tx, ctx, *upload).id;
  }
  if (model.analysis_operation_id) operations_.set_audience(tx, ctx, *model.analysis_operation_id, audience_of(model));
}

Analysis Service::model_analysis(const Context& ctx, const ModelReference& request) {
  return database_.read([&](db::Tx& tx) {
    const Model model = find_or_fail(tx, ctx, request.model.str());
    const auto found =
        model.source_digest ? store::find_analysis(tx, model.org_id.str(), model.source_digest->str()) : std::nullopt;
    if (!found) fail(ErrorCode::not_found, "The source of this model was not analysed yet.");
    return *found;
  });
}

// -------------------------------------------------------------------------------------------------- models

ModelPage Service::list_models(const Context& ctx, const ListModels& request) {
  // The public ones are of every organisation.
  const query::Keyset keyset = query::plan(model_fields(), request, organization_of(ctx, request.scope));
  return database_.read(
      [&](db::Tx& tx) { return query::page<ModelPage>(keyset, store::models(tx, ctx, request.scope, keyset)); });
}

query::Facets Service::facets(const Context& ctx, const FacetModels& request) {
  // In the order of the index that they are counted from.
  static constexpr std::string_view fields[] = {"interface", "engine",          "framework", "size_class",
                                                "license",   "latest_approval", "visibility"};
  const query::SqlFragment filter = query::filter_sql(
      model_fields(), query::parse_filter(model_fields(), request.filter), organization_of(ctx, request.scope));
  return database_.read([&](db::Tx& tx) {
    const query::SqlFragment matching = store::matching(ctx, request.scope, filter);
    query::Facets out = query::facets_of(
        fields, tx.all_with<query::FacetRow>(query::facet_sql(model_fields(), fields, matching.sql), matching.args));
    query::Facet tags = query::facet_of("tags", store::tag_keys(tx, matching, models_counted_for_tags));
    if (out.total > models_counted_for_tags) tags.counted_max = models_counted_for_tags;
    out.facets.push_back(std::move(tags));
    return out;
  });
}

Model Service::create_model(const Context& ctx, const CreateModel& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    if (ModelId::parse(request.name.str())) fail_field("/name", "must not look like an id");
    if (request.name.str() == "facets") fail_field("/name", "is reserved");
    check_tags(request.tags);
    if (store::name_is_taken(tx, ctx.org_id, request.name.str()))
      throw Error(ErrorCode::conflict,
                  fmt::format("There is a model {} already. Choose another name.", request.name.str()), {},
                  {{"/name", "is taken"}});
    const Time now = clock_.now();
    Model model;
    model.org_id = *identity::OrgId::parse(ctx.org_id);
    model.id = ModelId::make();
    model.name = request.name;
    model.display_name = request.display_name ? request.display_name->str() : request.name.str();
    model.description = request.description.str();
    model.visibility = request.visibility;
    model.team_id = team_of(tx, ctx, request.team);
    if (model.visibility == Visibility::team && !model.team_id)
      fail_field("/team", "is required for the visibility team");
    model.tags = request.tags;
    model.interface = request.interface;
    if (request.engine) model.engine = request.engine->str();
    model.created_by = ctx.actor.id;
    model.created_at = model.updated_at = now;
    attach_source(tx, ctx, request, model);
    store::add_model(tx, model);
    tell(tx, ctx, audience_of(model),
         {"model.create",
          "model",
          model.id.str(),
          {{"name", model.name.str()}, {"visibility", reflect::enum_name(model.visibility)}}});
    if (request.create_version) {
      if (!model.source_upload_id) fail_field("/create_version", "needs a source");
      add_version(tx, ctx, model, *model.source_upload_id, *Description::parse(""));
    }
    return model;
  });
}

Model Service::get_model(const Context& ctx, const ModelReference& request) {
  return database_.read([&](db::Tx& tx) { return find_or_fail(tx, ctx, request.model.str()); });
}

Model Service::update_model(const Context& ctx, const UpdateModel& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    Model model = find_to_change(tx, ctx, request.model.str());
    const Model before = model;
    if (request.display_name.value) model.display_name = request.display_name.value->str();
    if (request.description.present)
      model.description = request.description.value ? request.description.value->str() : std::string();
    request.visibility.apply(model.visibility);
    if (request.team.present) model.team_id = team_of(tx, ctx, request.team.value);
    if (model.visibility == Visibility::team && !model.team_id)
      fail_field("/team", "is required for the visibility team");
    if (request.tags.present) model.tags = request.tags.value.value_or(Tags());
    check_tags(model.tags);
    request.interface.apply(model.interface);
    if (request.engine.present) {
      model.engine.reset();
      if (request.engine.value) model.engine = request.engine.value->str();
    }
    model.row_version = *ctx.if_match + 1;
    model.updated_at = clock_.now();
    if (!store::update_model(tx, model, *ctx.if_match)) outdated();
    if (model.visibility != before.visibility || model.team_id != before.team_id) {
      if (model.analysis_operation_id)
        operations_.set_audience(tx, ctx, *model.analysis_operation_id, audience_of(model));
      for (const ModelVersionId& version : store::versions_with_approval(tx, model))
        evidence_.set_audience(tx, ctx, "model_version", version.str(), audience_of(model));
    }
    tell(tx, ctx, audience_of(model),
         {"model.update",
          "model",
          model.id.str(),
          {{"visibility", {reflect::enum_name(before.visibility), reflect::enum_name(model.visibility)}}}});
    return model;
  });
}

std::vector<ModelUse> Service::uses_of(db::Tx& tx, const Context& ctx, const Model& model) {
  std::vector<ModelUse> out;
  for (UsageReport* report : usage_)
    for (ModelUse& use : report->uses_of(tx, ctx, model.id)) out.push_back(std::move(use));
  return out;
}

DeletionPreview Service::preview_deletion(const Context& ctx, const ModelReference& request) {
  return database_.read([&](db::Tx& tx) {
    const Model model = find_to_change(tx, ctx, request.model.str());
    DeletionPreview out;
    out.id = model.id;
    out.versions = model.latest_version;
    for (const Alias& alias : store::aliases(tx, ctx.org_id, model.id)) out.aliases.push_back(alias.alias.str());
    out.size_bytes = store::model_bytes(tx, model);
    out.uses = uses_of(tx, ctx, model);
    out.deletable = out.uses.empty();
    return out;
  });
}

void Service::delete_model(const Context& ctx, const ModelReference& request) {
  database_.write(ctx, [&](db::Tx& tx) {
    const Model model = find_to_change(tx, ctx, request.model.str());
    if (const auto uses = uses_of(tx, ctx, model); !uses.empty())
      fail(ErrorCode::conflict,
           fmt::format("{} is in use by the {} {}{}. End that first; the deletion preview lists all.", model.name.str(),
                       uses.front().kind, uses.front().name,
                       uses.size() == 1 ? "" : fmt::format(" and {} more", uses.size() - 1)));
    for (const ModelVersionId& version : store::versions_with_approval(tx, model))
      evidence_.content_changed(tx, ctx, "model_version", version.str(), "");
    store::delete_model(tx, model, clock_.now());
    tell(tx, ctx, audience_of(model), {"model.delete", "model", model.id.str(), {{"name", model.name.str()}}});
  });
}

// ------------------------------------------------------------------------------------------------ versions

VersionRow Service::add_version(db::Tx& tx, const Context& ctx, Model& model, const UploadId& upload,
                                const Description& description) {
  const Sha256Text digest = uploads_.seal(tx, ctx, upload);
  if (const auto same = store::find_version_by_digest(tx, model, digest))
    fail(ErrorCode::conflict,
         fmt::format("Version {} of {} has this very content already.", same->version, model.name.str()));
  const std::vector<FileEntry> files = store::upload_files(tx, ctx.org_id, upload.str());
  VersionRow row;
  row.org_id = model.org_id;
  row.id = ModelVersionId::make();
  row.model_id = model.id;
  row.version = model.latest_version + 1;
  row.digest = digest;
  row.size_bytes = total_bytes(files);
  row.file_count = std::ssize(files);
  row.description = description.str();
  row.created_by = ctx.actor.id;
  row.created_at = clock_.now();
  tx.insert("model_versions", row);
  for (const FileEntry& file : files)
    tx.insert("version_files", VersionFileRow{row.org_id, row.id, file.path, file.size_bytes, file.sha256});
  model.latest_version = row.version;
  model.latest_approval = row.approval_state;
  model.updated_at = row.created_at;
  const std::int64_t seen = model.row_version++;
  if (!store::update_model(tx, model, seen)) outdated();
  evidence_.add_edge(tx, ctx, {"upload", upload.str(), "content", digest.str(), "contains"});
  evidence_.add_edge(tx, ctx, {"content", digest.str(), "model_version", row.id.str(), "is_content_of"});
  tell(tx, ctx, audience_of(model),
       {"model_version.create",
        "model_version",
        row.id.str(),
        {{"model_id", model.id.str()}, {"version", row.version}, {"digest", digest.str()}}});
  return row;
}

ModelVersion Service::create_version(const Context& ctx, const CreateModelVersion& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    Model model = find_to_change(tx, ctx, request.model.str());
    std::optional<UploadId> upload = request.upload_id;
    if (request.source) {
      if (upload && *upload != upload_of(*request.source)) fail_field("/source", "names another upload than upload_id");
      upload = upload_of(*request.source);
    }
    if (!upload) upload = model.source_upload_id;
    if (!upload) fail_field("/source", "is required, since the model was registered without one");
    return to_version(tx, add_version(tx, ctx, model, *upload, request.description));
  });
}

ModelVersionPage Service::list_versions(const Context& ctx, const ListModelVersions& request) {
  const query::Keyset keyset = query::plan(version_fields(), request);
  return database_.read([&](db::Tx& tx) {
    const Model model = find_or_fail(tx, ctx, request.model.str());
    const auto aliases = store::aliases(tx, model.org_id.str(), model.id);
    std::vector<ModelVersion> rows;
    for (const VersionRow& row : store::versions(tx, model, keyset)) rows.push_back(registry::to_version(row, aliases));
    return query::page<ModelVersionPage>(keyset, std::move(rows));
  });
}

ModelVersion Service::get_version(const Context& ctx, const VersionReference& request) {
  return database_.read([&](db::Tx& tx) {
    const Model model = find_or_fail(tx, ctx, request.model.str());
    return to_version(tx, version_or_fail(tx, model, request.version.number()));
  });
}

Analysis Service::version_analysis(const Context& ctx, const VersionReference& request) {
  return database_.read([&](db::Tx& tx) {
    const Model model = find_or_fail(tx, ctx, request.model.str());
    const VersionRow row = version_or_fail(tx, model, request.version.number());
    const auto found = store::find_analysis(tx, row.org_id.str(), row.digest.str());
    if (!found) fail(ErrorCode::not_found, "The content of this version was not analysed yet.");
    return *found;
  });
}

FileList Service::version_files(const Context& ctx, const VersionReference& request) {
  return database_.read([&](db::Tx& tx) {
    const Model model = find_or_fail(tx, ctx, request.model.str());
    const VersionRow row = version_or_fail(tx, model, request.version.number());
    return FileList{row.digest, store::version_files(tx, row.org_id.str(), row.id)};
  });
}

evidence::Approval Service::request_approval(const Context& ctx, const RequestVersionApproval& request) {
  return database_.write(ctx, [&](db::Tx& tx) {
    const Model model = find_to_change(tx, ctx, request.model.str());
    const VersionRow row = version_or_fail(tx, model, request.version.number());
    return evidence_.request(tx, ctx,
                             {.subject = {"model_version", row.id.str(), row.digest},
                              .subject_name = fmt::format("{}:v{}", model.name.str(), row.version),
                              .author_id = row.created_by,
                              .comment = request.comment,
                              .audience = audience_of(model)});
  });
}

http::Answer Service::download(const Context& ctx, const VersionFileReference& request, std::string_view range) {
  const auto [file, blob_key] = database_.read([&](db::Tx& tx) {
    const Model model = find_or_fail(tx, ctx, request.model.str());
    const VersionRow row = version_or_fail(tx, model, request.version.number());
    const auto found = store::find_version_file(tx, row, request.sha256);
    const auto artifact =
        found ? store::find_artifact(tx, row.org_id.str(), found->sha256.str()) : std::optional<ArtifactRow>();
    if (!artifact) fail(ErrorCode::not_found, "This version has no file of this content.");
    return std::pair(*found, artifact->blob_key);
  });
  http::Download out = storage::download(blobs_.open(*storage::BlobKey::parse(blob_key)), file.sha256.str(), range);
  const std::string& path = file.path.str();
  out.head.headers.set("Content-Disposition",
                       "attachment; filename*=UTF-8''" + http::percent_encode(path.substr(path.rfind('/') + 1)));
  return out;
}

// ------------------------------------------------------------------------------------------------- aliases

AliasList Service::list_aliases(const Context& ctx, const ModelReference& request) {
  return database_.read([&](db::Tx& tx) {
    const Model model = find_or_fail(tx, ctx, request.model.str());
    return AliasList{store::aliases(tx, model.org_id.str(), model.id)};
  });
}

Alias Service::set_alias(const Context& ctx, const SetAlias& request) {
  require_settable(request.alias);
  return database_.write(ctx, [&](db::Tx& tx) {
    const Model model = find_to_change(tx, ctx, request.model.str());
    const VersionRow row = version_or_fail(tx, model, request.version.number());
    const auto before = store::find_alias(tx, ctx.org_id, model.id, request.alias.str());
    const Alias alias{request.alias, row.version, ctx.actor.id, clock_.now()};
    store::set_alias(tx, ctx.org_id, model.id, alias);
    tell(tx, ctx, audience_of(model),
         {"model_alias.set",
          "model",
          model.id.str(),
          {{"alias", alias.alias.str()},
           {"version", {before ? boost::json::value(before->version) : boost::json::value(), alias.version}}}});
    return alias;
  });
}

void Service::remove_alias(const Context& ctx, const AliasReference& request) {
  require_settable(request.alias);
  database_.write(ctx, [&](db::Tx& tx) {
    const Model model = find_to_change(tx, ctx, request.model.str());
    const auto before = store::find_alias(tx, ctx.org_id, model.id, request.alias.str());
    if (!before) fail(ErrorCode::not_found, fmt::format("{} has no alias {}.", model.name.str(), request.alias.str()));
    store::remove_alias(tx, ctx.org_id, model.id, request.alias.str());
    tell(tx, ctx, audience_of(model),
         {"model_alias.remove",
          "model",
          model.id.str(),
          {{"alias", request.alias.str()}, {"version", before->version}}});
  });
}

// ---------------------------------------------------------------------------------- for other capabilities

ResolvedVersion Service::resolve(db::Tx& tx, const Context& ctx, std::string_view selector) {
  const auto parsed = parse_selector(selector);
  if (!parsed) fail(ErrorCode::unprocessable, "Name a model version as name@alias, name:v3 or by its id (mdv_…).");
  if (parsed->id) {
    const auto row = store::find_version_by_id(tx, parsed->id->str());
    const auto model = row ? store::find_model(tx, ctx, row->model_id.str()) : std::optional<Model>();
    if (!model) fail(ErrorCode::not_found, fmt::format("There is no model version {} here.", parsed->id->str()));
    return {*model, to_version(tx, *row)};
  }
  const Model model = find_or_fail(tx, ctx, parsed->model);
  std::int64_t number = parsed->number.value_or(model.latest_version);
  if (parsed->alias && *parsed->alias != "latest") {
    const auto alias = store::find_alias(tx, model.org_id.str(), model.id, *parsed->alias);
    if (!alias) fail(ErrorCode::not_found, fmt::format("{} has no alias {}.", model.name.str(), *parsed->alias));
    number = alias->version;
  }
  return {model, to_version(tx, version_or_fail(tx, model, number))};
}

std::vector<FileEntry> Service::files_of(db::Tx& tx, const ResolvedVersion& resolved) {
  return store::version_files(tx, resolved.model.org_id.str(), resolved.version.id);
}

std::unique_ptr<storage::BlobReader> Service::open_file(db::Tx& tx, const ResolvedVersion& resolved,
                                                        const FileEntry& file) {
  const auto artifact = store::find_artifact(tx, resolved.model.org_id.str(), file.sha256.str());
  if (!artifact) fail(ErrorCode::internal, "A file of this version is missing.", file.sha256.str());
  return blobs_.open(*storage::BlobKey::parse(artifact->blob_key));
}

std::unique_ptr<storage::BlobReader> Service::open_content(const std::string& org_id, const std::string& sha256) {
  const auto artifact = database_.read([&](db::Tx& tx) { return store::find_artifact(tx, org_id, sha256); });
  if (!artifact) return nullptr;
  return blobs_.open(*storage::BlobKey::parse(artifact->blob_key));
}

std::optional<Analysis> Service::analysis_of(db::Tx& tx, const std::string& org_id, const std::string& digest) {
  return store::find_analysis(tx, org_id, digest);
}

std::vector<std::string> Service::aliases_of(db::Tx& tx, const std::string& org_id, const std::string& version_id) {
  const auto row = store::find_version_by_id(tx, version_id);
  if (!row || row->org_id.str() != org_id) return {};
  return to_version(tx, *row).aliases;
}

void VersionApprovals::changed(db::Tx& tx, const Context& ctx, const evidence::Approval& approval) {
  const VersionApproval state = [&] {
    switch (approval.state) {
      case evidence::ApprovalState::pending: return VersionApproval::pending;
      case evidence::ApprovalState::approved: return VersionApproval::approved;
      case evidence::ApprovalState::rejected: return VersionApproval::rejected;
      case evidence::ApprovalState::voided: break;
    }
    return VersionApproval::none;
  }();
  store::set_approval(tx, ctx.org_id, approval.subject_id, state, approval.id,
                      state == VersionApproval::approved && approval.self_approval);
  const auto row = store::find_version_by_id(tx, approval.subject_id);
  if (!row) return;
  const std::string name(latest_approved);
  const auto before = store::find_alias(tx, ctx.org_id, row->model_id, name);
  const auto now = store::highest_approved(tx, ctx.org_id, row->model_id);
  if (before ? now == before->version : !now) return;
  if (now)
    store::set_alias(tx, ctx.org_id, row->model_id, {*AliasName::parse(name), *now, ctx.actor.id, clock_.now()});
  else
    store::remove_alias(tx, ctx.org_id, row->model_id, name);
  events_.publish(tx, ctx.org_id, store::audience(tx, ctx.org_id, row->model_id),
                  now ? "model_alias.set" : "model_alias.remove", "model", row->model_id.str());
}

}  // namespace modelops::registry
