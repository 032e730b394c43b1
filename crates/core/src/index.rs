//! Finds the first entry of a route list that matches, without walking the list.
//!
//! Entries are filed by their path: exact ones in a hash map, prefixes in another that is asked once per segment
//! boundary of the request, regular expressions and "any" in lists. Every candidate list is in the order of the whole
//! list, and the smallest number among all that match wins, which is by definition what a walk would find (a property
//! test compares the two). Within one path, entries that differ by a header's exact value are filed by that value.
use crate::{
    Request,
    entry::{Entry, PathRule},
    field::Lookup,
    hash::ByBytes,
};

/// Below this a walk over the candidates is as fast as one more look-up.
const FILE_BY_HEADER: usize = 8;
const NONE: u32 = u32::MAX;

#[derive(Default)]
pub(crate) struct Index {
    exact: ByBytes<Bucket>,
    prefix: ByBytes<Bucket>,
    /// Distinct lengths of prefixes, ascending.
    lengths: Vec<usize>,
    any: Bucket,
    regex: Vec<u32>,
}

/// Entries of one path, each list ascending.
#[derive(Default)]
struct Bucket {
    list: Vec<Candidate>,
    by_header: Option<Box<ByHeader>>,
}

#[derive(Clone, Copy)]
struct Candidate {
    entry: u32,
    /// Nothing but the path is asked: no need to look at the entry.
    only_path: bool,
}

struct ByHeader {
    name: Box<[u8]>,
    slot: usize,
    values: ByBytes<Vec<Candidate>>,
}

impl Index {
    pub fn new(entries: &[Entry]) -> Index {
        let mut index = Index::default();
        for (number, entry) in entries.iter().enumerate() {
            let candidate = Candidate { entry: number as u32, only_path: entry.only_path() };
            match &entry.path {
                PathRule::Any => index.any.list.push(candidate),
                PathRule::Exact(path) => index.exact.entry(path.clone()).or_default().list.push(candidate),
                PathRule::Prefix(path) => index.prefix.entry(path.clone()).or_default().list.push(candidate),
                PathRule::Regex(_) => index.regex.push(candidate.entry),
            }
        }
        index.lengths = index.prefix.keys().map(|path| path.len()).collect();
        index.lengths.sort_unstable();
        index.lengths.dedup();
        let buckets = index.exact.values_mut().chain(index.prefix.values_mut());
        buckets.chain([&mut index.any]).for_each(|bucket| bucket.file_by_header(entries));
        index
    }

    /// The number of the first entry that matches.
    pub fn first(&self, entries: &[Entry], request: &Request<'_>) -> Option<usize> {
        let mut search = Search { entries, request, lookup: Lookup::new(request.fields), best: NONE };
        if let Some(bucket) = self.exact.get(request.path) {
            search.bucket(bucket);
        }
        self.search_prefixes(&mut search);
        search.bucket(&self.any);
        search.regexes(&self.regex);
        (search.best != NONE).then_some(search.best as usize)
    }

    fn search_prefixes(&self, search: &mut Search<'_>) {
        let path = search.request.path;
        for &length in &self.lengths {
            let at_boundary = match path.get(length) {
                Some(byte) => *byte == b'/',
                None if length == path.len() => true,
                None => return,
            };
            let filed = at_boundary.then(|| self.prefix.get(&path[..length])).flatten();
            filed.into_iter().for_each(|bucket| search.bucket(bucket));
        }
    }
}

impl Bucket {
    /// Moves the entries that compare the most used header exactly into a map by its value.
    fn file_by_header(&mut self, entries: &[Entry]) {
        let Some((name, slot)) = self.most_used_header(entries) else { return };
        let mut values: ByBytes<Vec<Candidate>> = ByBytes::default();
        self.list.retain(|candidate| {
            let headers = &entries[candidate.entry as usize].headers;
            let value = headers.iter().filter(|h| h.name == name).find_map(|h| h.exact());
            if let Some(value) = value {
                values.entry(value.into()).or_default().push(*candidate);
            }
            value.is_none()
        });
        self.by_header = Some(Box::new(ByHeader { name, slot, values }));
    }

    fn most_used_header(&self, entries: &[Entry]) -> Option<(Box<[u8]>, usize)> {
        let mut counts: ByBytes<(usize, usize)> = ByBytes::default();
        for candidate in &self.list {
            let exact = entries[candidate.entry as usize].headers.iter().filter(|h| h.exact().is_some());
            exact.for_each(|h| counts.entry(h.name.clone()).or_insert((0, h.slot)).0 += 1);
        }
        // By name on a tie, so that the same table is always built the same way.
        let most = counts.into_iter().max_by(|(a, (n, _)), (b, (m, _))| n.cmp(m).then(b.cmp(a)))?;
        let (name, (count, slot)) = most;
        (count >= FILE_BY_HEADER).then_some((name, slot))
    }
}

struct Search<'a> {
    entries: &'a [Entry],
    request: &'a Request<'a>,
    lookup: Lookup<'a>,
    best: u32,
}

impl Search<'_> {
    fn bucket(&mut self, bucket: &Bucket) {
        self.list(&bucket.list);
        let Some(filed) = &bucket.by_header else { return };
        let found = self.lookup.with(&filed.name, filed.slot, |value| filed.values.get(value?));
        if let Some(list) = found {
            self.list(list);
        }
    }

    fn list(&mut self, list: &[Candidate]) {
        for candidate in list {
            if candidate.entry >= self.best {
                return;
            }
            if candidate.only_path || self.rest_matches(candidate.entry) {
                self.best = candidate.entry;
                return;
            }
        }
    }

    fn regexes(&mut self, regexes: &[u32]) {
        for &number in regexes {
            if number >= self.best {
                return;
            }
            if self.entries[number as usize].matches(self.request, &self.lookup) {
                self.best = number;
                return;
            }
        }
    }

    fn rest_matches(&self, number: u32) -> bool {
        self.entries[number as usize].rest_matches(self.request, &self.lookup)
    }
}
