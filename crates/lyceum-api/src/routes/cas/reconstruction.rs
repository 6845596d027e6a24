//! How to rebuild files from ranges of xorbs.

use axum::extract::State;
use http::header::{CONTENT_LENGTH, HeaderMap, RANGE};
use http::{HeaderName, HeaderValue};
use lyceum_core::{ByteRange, RangeHeader, XetHash};
use lyceum_hub::{ErrorKind, Reconstruction, XetGrant};

use super::super::{Routes, Scope};
use super::access::{Hash, Reader, StoreUrl, parse_hash};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Json, Query};
use crate::wire::cas::{FileKey, ReconstructionBatch, ReconstructionV1, ReconstructionV2};

/// Most files in one batch query: each is planned whole.
const MAX_BATCH_FILES: usize = 100;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Root, "/xet/{instance}/v2/reconstructions/{hash}", second);
    routes.get(Scope::Root, "/xet/{instance}/v1/reconstructions/{hash}", first);
    routes.get(Scope::Root, "/xet/{instance}/v1/reconstructions", batch_by_query);
    routes.post(Scope::Root, "/xet/{instance}/v1/reconstructions", batch_by_body);
    routes.head(Scope::Root, "/xet/{instance}/v1/files/{hash}", size);
}

async fn second(
    State(api): State<Api>,
    Reader(grant): Reader,
    Hash(file): Hash,
    store: StoreUrl,
    headers: HeaderMap,
) -> ApiResult<Json<ReconstructionV2>> {
    let plan = plan(&api, &grant, file, &headers).await?;
    Ok(Json(ReconstructionV2::new(plan, |xorb, grant| store.data(xorb, grant))))
}

async fn first(
    State(api): State<Api>,
    Reader(grant): Reader,
    Hash(file): Hash,
    store: StoreUrl,
    headers: HeaderMap,
) -> ApiResult<Json<ReconstructionV1>> {
    let plan = plan(&api, &grant, file, &headers).await?;
    Ok(Json(ReconstructionV1::new(&plan, |xorb, grant| store.data(xorb, grant))))
}

async fn plan(api: &Api, grant: &XetGrant, file: XetHash, headers: &HeaderMap) -> ApiResult<Reconstruction> {
    let range = match headers.get(RANGE) {
        None => None,
        Some(header) => file_range(api, grant, file, header).await?,
    };
    Ok(api.hub.reconstruction(grant, file, range).await?)
}

/// Reads the range of the file that is asked for; `None` is the whole file.
async fn file_range(
    api: &Api,
    grant: &XetGrant,
    file: XetHash,
    header: &HeaderValue,
) -> ApiResult<Option<ByteRange>> {
    let text = header.to_str().map_err(|_| ApiError::invalid("invalid Range header"))?;
    let Some(header) = RangeHeader::parse(text)? else {
        return Ok(None);
    };
    // Only a range from the end needs the size, and no Xet client sends one: the common case is spared a query.
    let size = if text.contains("=-") || text.contains(",") {
        api.hub.xet_file_size(grant, file).await?
    } else {
        u64::MAX
    };
    match header.resolve(size).as_slice() {
        [] => Err(ApiError::new(ErrorKind::RangeNotSatisfiable, "no byte of the asked range exists")),
        [range] => Ok(Some(*range)),
        _ => Err(ApiError::invalid("a reconstruction is for one range")),
    }
}

async fn batch_by_query(
    State(api): State<Api>,
    Reader(grant): Reader,
    store: StoreUrl,
    Query(query): Query,
) -> ApiResult<Json<ReconstructionBatch>> {
    batch(&api, &grant, &store, query.all("file_id")).await
}

async fn batch_by_body(
    State(api): State<Api>,
    Reader(grant): Reader,
    store: StoreUrl,
    Json(keys): Json<Vec<FileKey>>,
) -> ApiResult<Json<ReconstructionBatch>> {
    batch(&api, &grant, &store, keys.iter().map(|key| key.hash.as_str())).await
}

/// Plans whole files; those that the repo does not have are left out.
async fn batch(
    api: &Api,
    grant: &XetGrant,
    store: &StoreUrl,
    files: impl Iterator<Item = &str> + Send,
) -> ApiResult<Json<ReconstructionBatch>> {
    let mut answer = ReconstructionBatch::default();
    for (index, file) in files.enumerate() {
        if index == MAX_BATCH_FILES {
            return Err(ApiError::new(ErrorKind::TooLarge, format!("more than {MAX_BATCH_FILES} files")));
        }
        let file = parse_hash(file)?;
        match api.hub.reconstruction(grant, file, None).await {
            Ok(plan) => answer.add(file, &plan, |xorb, grant| store.data(xorb, grant)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Json(answer))
}

async fn size(
    State(api): State<Api>,
    Reader(grant): Reader,
    Hash(file): Hash,
) -> ApiResult<[(HeaderName, HeaderValue); 1]> {
    let size = api.hub.xet_file_size(&grant, file).await?;
    Ok([(CONTENT_LENGTH, size.into())])
}
