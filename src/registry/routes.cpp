#include "registry/routes.hpp"

namespace modelops::registry {
namespace {

/// A download reads the Range header, which is no parameter.
api::Route ranged(api::Route route, Service& service) {
  route.invoke = [&service](const Context& ctx, const api::Input& input) {
    return service.download(ctx, api::detail::decode<VersionFileReference>(input, false),
                            input.request->headers.get("Range"));
  };
  return route;
}

}  // namespace

api::Routes routes(Service& service, Uploads& uploads) {
  using api::route;
  using enum http::Method;
  Service& s = service;
  Uploads& u = uploads;
  return {
      route(post, "/api/v1/uploads", "create_upload", uploads_write, "Begin an upload", u, &Uploads::create,
            {.status = 201, .location = "/api/v1/uploads/{id}"}),
      route(get, "/api/v1/uploads/{upload}", "get_upload", uploads_write, "An upload and its files", u, &Uploads::get),
      route(delete_, "/api/v1/uploads/{upload}", "delete_upload", uploads_write,
            "Give an upload up; versions made of it stay", u, &Uploads::remove),

      route(post, "/api/v1/models/analyze", "analyze_model", models_write, "Find out what an upload is", s,
            &Service::analyze, {.status = 202, .location = "/api/v1/operations/{id}"}),
      route(get, "/api/v1/models", "list_models", models_read, "Models", s, &Service::list_models),
      route(get, "/api/v1/models/facets", "get_model_facets", models_read,
            "How many models match a filter, and how often each value of their fields occurs", s, &Service::facets),
      route(post, "/api/v1/models", "create_model", models_write, "Register a model", s, &Service::create_model,
            {.status = 201, .location = "/api/v1/models/{id}"}),
      route(post, "/api/v1/models/register-v2", "register_model", models_write, "Register a model", s,
            &Service::create_model,
            {.status = 201, .location = "/api/v1/models/{id}", .description = "The same as POST /api/v1/models."}),
      route(get, "/api/v1/models/{model}", "get_model", models_read, "One model", s, &Service::get_model,
            {.brief = true}),
      route(patch, "/api/v1/models/{model}", "update_model", models_write, "Change a model", s, &Service::update_model),
      route(delete_, "/api/v1/models/{model}", "delete_model", models_delete,
            "Delete a model that nothing uses; its name is free again", s, &Service::delete_model),
      route(get, "/api/v1/models/{model}/deletion-preview", "preview_model_deletion", models_read,
            "What deleting would take away, and what stands against it", s, &Service::preview_deletion),
      route(get, "/api/v1/models/{model}/analysis", "get_model_analysis", models_read,
            "What analysis found in the model's source", s, &Service::model_analysis),

      route(get, "/api/v1/models/{model}/versions", "list_model_versions", models_read, "Versions, the newest first", s,
            &Service::list_versions),
      route(post, "/api/v1/models/{model}/versions", "create_model_version", models_write,
            "Make a version of an upload", s, &Service::create_version, {.status = 201}),
      route(get, "/api/v1/models/{model}/versions/{version}", "get_model_version", models_read, "One version", s,
            &Service::get_version, {.brief = true}),
      route(get, "/api/v1/models/{model}/versions/{version}/analysis", "get_model_version_analysis", models_read,
            "What analysis found in the version's files", s, &Service::version_analysis),
      route(get, "/api/v1/models/{model}/versions/{version}/files", "list_model_version_files", models_read,
            "The version's files: its canonical manifest", s, &Service::version_files),
      ranged(route(get, "/api/v1/models/{model}/versions/{version}/files/{sha256}", "download_model_version_file",
                   models_read, "Download one file; Range is understood", s, &Service::download_whole,
                   {.content_type = "application/octet-stream"}),
             s),
      route(post, "/api/v1/models/{model}/versions/{version}/approval-request", "request_model_version_approval",
            evidence::approvals_request, "Ask for a version's approval", s, &Service::request_approval,
            {.status = 201, .location = "/api/v1/approvals/{id}"}),

      route(get, "/api/v1/models/{model}/aliases", "list_model_aliases", models_read, "Aliases", s,
            &Service::list_aliases),
      route(post, "/api/v1/models/{model}/aliases", "set_model_alias", models_write, "Set or move an alias", s,
            &Service::set_alias),
      route(delete_, "/api/v1/models/{model}/aliases/{alias}", "remove_model_alias", models_write, "Remove an alias", s,
            &Service::remove_alias),
  };
}

api::Routes routes(TusEndpoint& tus, Quotas& quotas) {
  using api::route;
  using enum http::Method;
  const std::uint64_t bytes_max = tus.file_bytes_max();
  api::Routes out = {
      route(options, "/api/v1/uploads/tus", "get_tus_options", api::anyone, "What of the tus protocol is spoken", tus,
            &TusEndpoint::options, {.status = 204}),
      route(post, "/api/v1/uploads/tus", "create_upload_transfer", uploads_write,
            "Begin to send a file by the tus protocol; its first bytes may come along", tus, &TusEndpoint::create,
            {.status = 201,
             .body_bytes_max = bytes_max,
             .content_type = "application/offset+octet-stream",
             .description = "Headers: Tus-Resumable, Upload-Length or Upload-Defer-Length, Upload-Metadata (path or "
                            "filename; upload, sha256, unpack), Upload-Concat, Upload-Checksum. The answer's Location "
                            "is where the bytes go."}),
      route(get, "/api/v1/uploads/tus/{transfer}", "get_upload_transfer", uploads_write,
            "Where a file on its way stands; HEAD is the tus protocol's", tus, &TusEndpoint::get),
      route(patch, "/api/v1/uploads/tus/{transfer}", "append_to_upload_transfer", uploads_write,
            "Send what follows at Upload-Offset", tus, &TusEndpoint::append,
            {.status = 204,
             .body_bytes_max = bytes_max,
             .description = "Headers: Tus-Resumable, Upload-Offset, Upload-Length where it was deferred, "
                            "Upload-Checksum."}),
      route(post, "/api/v1/uploads/tus/{transfer}", "append_to_upload_transfer_by_post", uploads_write,
            "The same for clients without PATCH, which X-HTTP-Method-Override names", tus, &TusEndpoint::overridden,
            {.status = 204, .body_bytes_max = bytes_max}),
      route(delete_, "/api/v1/uploads/tus/{transfer}", "delete_upload_transfer", uploads_write,
            "Give a file on its way up; a file that it became stays", tus, &TusEndpoint::remove, {.status = 204}),

      route(get, "/api/v1/uploads/usage", "get_storage_usage", models_read, "What your organization keeps and may keep",
            quotas, &Quotas::usage),
      route(post, "/api/v1/organizations/{organization}/storage-quota", "set_storage_quota",
            identity::organizations_create, "Say how much an organization may keep", quotas, &Quotas::set),
  };
  // The offset is what makes the protocol's PATCH safe; there is no version to name.
  for (api::Route& each : out) each.options.if_match = false;
  return out;
}

api::Routes routes(Tensors& tensors, Activity& activity) {
  using api::route;
  using enum http::Method;
  return {
      route(get, "/api/v1/models/{model}/versions/{version}/tensors", "list_model_version_tensors", models_read,
            "The tensors in the version's files, from their headers", tensors, &Tensors::list),
      route(get, "/api/v1/models/{model}/activity", "list_model_activity", models_read,
            "What was done to a model, its versions and its deployments, the newest first", activity, &Activity::list),
  };
}

}  // namespace modelops::registry
