//! The regions of AWS, and the partition that each belongs to.

/// The regions of each partition (botocore's `partitions.json`), the partitions in the order of
/// [`PARTITIONS`](crate::PARTITIONS).
pub const REGIONS: [(&str, &[&str]); 8] = [
    (
        "aws",
        &[
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-central-1",
            "ca-west-1",
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "mx-central-1",
            "sa-east-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ],
    ),
    ("aws-cn", &["cn-north-1", "cn-northwest-1"]),
    ("aws-us-gov", &["us-gov-east-1", "us-gov-west-1"]),
    ("aws-eusc", &["eusc-de-east-1"]),
    ("aws-iso", &["us-iso-east-1", "us-iso-west-1"]),
    ("aws-iso-b", &["us-isob-east-1", "us-isob-west-1"]),
    ("aws-iso-e", &["eu-isoe-west-1"]),
    ("aws-iso-f", &["us-isof-east-1", "us-isof-south-1"]),
];

/// The partition of a region; `None` for what is no region. A region opened after this table was written is none
/// either: IAM answers for the whole partition, so any other region of it does as well.
#[must_use]
pub fn partition_of_region(region: &str) -> Option<&'static str> {
    REGIONS.iter().find(|(_, regions)| regions.contains(&region)).map(|(partition, _)| *partition)
}

/// The regions of a partition; none for a partition that is not known.
#[must_use]
pub fn regions_of(partition: &str) -> &'static [&'static str] {
    REGIONS.iter().find(|(name, _)| *name == partition).map_or(&[], |(_, regions)| regions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_belongs_to_one_partition_and_every_partition_has_some() {
        assert_eq!(REGIONS.map(|(partition, _)| partition), crate::PARTITIONS);
        for (partition, regions) in REGIONS {
            assert!(!regions.is_empty(), "{partition}");
            for region in regions {
                assert_eq!(partition_of_region(region), Some(partition), "{region}");
            }
        }
        assert_eq!(partition_of_region("eu-nowhere-1"), None);
        assert!(regions_of("azure").is_empty());
    }
}
